"""The counter payment terminal: one ring round a pure middle. Start with README.md, then core/."""

__version__ = "0.1.0"
