"""Share read over each degradation, all readers, as one SVG."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import fmean
from typing import TypeAlias

import cv2

from sight.readers import PEERS, ours
from sight.truth import judged, tell, wrong
from terminal.bench import scenes
from terminal.bench.scenes.lens import photograph

Lines: TypeAlias = dict[str, list[tuple[float, float]]]
"""By reader: the levels, and the share read at each."""

COLOURS = {
    "eye": "#f4a3a0",
    "zxing_cpp": "#1f77b4",
    "pyzbar_cascade": "#2ca02c",
    "pyzbar": "#777777",
}
TITLES = {"qr": "QR", "code128": "Code 128"}
WIDE, HIGH, ACROSS, HEAD, LEFT = 205, 120, 6, 48, 34


def plot(file: Path, seed: int, count: int) -> None:
    """A chart for each degradation, QR codes first; the same picture for the same seed."""
    wanted = [
        (seed, count, name, kind)
        for kind in scenes.KINDS
        for name, levels in scenes.DEGRADATIONS.items()
        if levels[scenes.KINDS.index(kind)]
    ]
    with ProcessPoolExecutor(os.cpu_count(), initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        charts = list(zip(wanted, pool.map(_swept, wanted), strict=True))
    drawn, place = [], 0
    for number, ((_, _, name, kind), (lines, faults)) in enumerate(charts):
        if number and kind != wanted[number - 1][3]:
            place = -(-place // ACROSS) * ACROSS  # another kind begins another row
        drawn.append(_chart(f"{TITLES[kind]}: {name}", place, lines))
        place += 1
        wrong.update(faults)
    size = f'width="{ACROSS * WIDE + LEFT}" height="{-(-place // ACROSS) * HIGH + HEAD}"'
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="10">'
        f'<rect width="100%" height="100%" fill="white"/>'
        f"{_legend([lines for _, (lines, _) in charts], count)}{chr(10).join(drawn)}</svg>\n"
    )
    tell("plot", len(charts), "charts", scenes_each=count, seed=seed)


def _swept(wanted: tuple[int, int, str, str]) -> tuple[Lines, Counter[str]]:
    """Who read how much at each level, and who said what was not there."""
    wrong.clear()
    readers = {"eye": ours, **PEERS}
    lines: Lines = {name: [] for name in readers}
    for level, shots in scenes.sweep(*wanted).items():
        grays = [(photograph(shot), shot.text) for shot in shots]
        for name, reader in readers.items():
            share = fmean(judged(name, reader(gray), [text]) for gray, text in grays)
            lines[name].append((level, share))
    return lines, wrong


def _legend(charts: list[Lines], count: int) -> str:
    """Each reader with its share of all the scenes."""
    parts = [
        f'<text x="8" y="14" font-size="12">Share read, scenes for each level: {count}; '
        "from the mildest degradation (left) to the worst</text>"
    ]
    for place, (name, colour) in enumerate(COLOURS.items()):
        share = fmean(share for lines in charts for _, share in lines[name])
        left = 8 + 215 * place
        parts.append(
            f'<line x1="{left}" y1="26" x2="{left + 20}" y2="26" stroke="{colour}" '
            f'stroke-width="{_width(name)}"/><text x="{left + 25}" y="30" font-size="12">'
            f"{name}: {share:.0%} of all</text>"
        )
    return "".join(parts)


def _width(name: str) -> float:
    return 4 if name == "eye" else 1.3


def _anchor(number: int, count: int) -> str:
    """The outer labels stay inside their chart."""
    return "start" if number == 0 else "end" if number == count - 1 else "middle"


def _chart(title: str, place: int, lines: Lines) -> str:
    left, top = place % ACROSS * WIDE + LEFT, place // ACROSS * HIGH + HEAD + 14
    wide, high = WIDE - 22, HIGH - 40
    levels = [level for level, _ in lines["eye"]]
    step = wide / max(1, len(levels) - 1)
    parts = [
        f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" fill="none" stroke="#ccc"/>',
        f'<text x="{left}" y="{top - 4}" font-weight="bold">{title}</text>',
        *(
            f'<text x="{left + number * step:.0f}" y="{top + high + 10}" font-size="8" '
            f'text-anchor="{_anchor(number, len(levels))}">{level:g}</text>'
            for number, level in enumerate(levels)
        ),
    ]
    if place % ACROSS == 0:
        parts += [
            f'<text x="{left - 3}" y="{top + 4 + high * (1 - share):.0f}" font-size="8" '
            f'text-anchor="end">{share:.0%}</text>'
            for share in (0, 0.5, 1)
        ]
    for name, colour in COLOURS.items():  # the eye's broad line below, so that none is hidden
        points = " ".join(
            f"{left + number * step:.0f},{top + high * (1 - share):.0f}"
            for number, (_, share) in enumerate(lines[name])
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" '
            f'stroke-width="{_width(name)}"/>'
        )
    return "".join(parts)
