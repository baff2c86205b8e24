"""Where a word is worked on: the daemon's socket on one side, the paper on the other."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terminal.cli.advice import advice
from terminal.cli.paper import OUTCOME_COLOURS, Colour, Paper, money
from terminal.control import call
from terminal.core.terms import ORDER_NO_MAX, Refusal

SOCKET = "/run/terminal/control.sock"

Facts = dict[str, Any]
"""One order as the daemon tells it: order_no, sale_no, mode, amount, phase, outcome, reason, ..."""


class NotDone(Refusal):
    """The daemon said no; `error` is why, `remedy` what to do."""

    def __init__(self, error: str, remedy: str) -> None:
        self.error, self.remedy = error, remedy
        super().__init__(f"{error} {remedy}".strip())


@dataclass(frozen=True, slots=True)
class Desk:
    socket: Path
    paper: Paper

    def ask(self, word: str, **details: object) -> Facts:
        """The daemon's reply. NotDone when it refuses, Unanswered when there is none."""
        reply = call(self.socket, {"word": word, **details})
        if not reply.get("ok"):
            raise NotDone(str(reply.get("error", "No reason given.")), str(reply.get("remedy", "")))
        return reply

    def show_order(self, order: Facts) -> None:
        """One order: what it comes to, then its facts, then what to do if anything."""
        outcome = str(order["outcome"])
        colour = OUTCOME_COLOURS.get(outcome, Colour.CARE)
        self.paper.verdict(outcome.capitalize(), money(order["amount"]), colour)
        sale = order["sale_no"] if order["sale_no"] != order["order_no"] else None
        reason = " ".join(filter(None, (order["reason"], _in_brackets(order.get("detail")))))
        paid = order.get("paid") if order.get("paid") != order["amount"] else None
        self.paper.facts(
            (
                ("order", order["order_no"]),
                ("of sale", sale),
                ("mode", order["mode"]),
                ("phase", order["phase"] if order["phase"] != outcome else None),
                ("reason", reason),
                ("paid", money(paid)),
                ("wallet", order["wallet"]),
                ("gateway ref", order["gateway_ref"]),
            )
        )
        if outcome == "attention":
            self.paper.line(advice(order))
        elif outcome in _NEXT:
            self.paper.line(_NEXT[outcome].format(order["order_no"]))


_NEXT = {
    "waiting": "Nobody has paid yet. Try: terminalctl query {}",
    "checking": "Do not hand over yet. Try: terminalctl query {}",
}


def _in_brackets(text: object) -> str | None:
    return f"({text})" if text else None


def exit_code(outcome: object) -> int:
    """0 when the order has come to an end, 1 when it has not or needs a human."""
    return 0 if outcome in ("paid", "not paid", "cancelled", "returned") else 1


# -- words typed by people -----------------------------------------------------------------------------------


def order_no(text: str) -> str:
    """An order number as it is copied from somewhere."""
    number = text.strip().upper()
    if not re.fullmatch(r"[0-9A-Z]+", number) or len(number) > ORDER_NO_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no order number; copy it whole")
    return number


def major_amount(text: str) -> str:
    """An amount in major units; the daemon knows the currency and judges the decimals."""
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,3})?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount; write it like 12.50")
    return text
