"""What people read. One place, so that the same thing is said in the same words everywhere (counter.md).

A reason says what happened and then what to do next, to the customer and the merchant alike; the technician
finds the code of it in the log.
"""

from __future__ import annotations

from terminal.core.sale import Reason

PAID = "PAID"
NOT_PAID = "NOT PAID"
CHECKING = "Checking"
DO_NOT_HAND_OVER = "Do not hand over yet."
LAST_SALE = "Last sale"
TEST = "TEST"
SHOW_CODE = "Show your code"
OR_SHOW_CODE = "or show your code"
CUSTOMER_PAYING = "Customer is paying"
WHICH_WALLET = "Which wallet?"
ASK = ("Ask the customer", "Ask")
NO_CONNECTION = "No connection"
CALL_HELPER = "Call the shop's helper"
OUT_OF_SERVICE = "Out of service"
CLOCK_NOT_SET = "Setting the clock"
CLOCK_NEXT = "Sales start when the time is known. Is the network connected?"

REASONS: dict[Reason, str] = {
    Reason.OPERATOR: "Cancelled. Nothing was paid.",
    Reason.EXPIRED: "The time is over. Please start again.",
    Reason.CUSTOMER_CODE: "The customer's own code is used. Please wait.",
    Reason.RESTARTED: "The terminal restarted. Please start again.",
    Reason.NO_CODE: "The code did not come. Please start again.",
    Reason.UNFIT: "The code is too long for this display. Please show your own code.",
    Reason.NO_CONNECTION: "No connection. Please try again later.",
    Reason.LATE: "The payment came too late. The money goes back.",
    Reason.INSUFFICIENT_FUNDS: "Not enough money in the wallet. Please pay another way.",
    Reason.CODE_EXPIRED: "The code has expired. Please open a new one.",
    Reason.CODE_INVALID: "This is not a payment code. Please open one in your wallet.",
    Reason.CODE_USED: "The code was used before. Please open a new one.",
    Reason.LIMIT: "Over the wallet's limit. Please pay another way.",
    Reason.REFUSED: "The wallet said no. Please pay another way.",
    Reason.SETUP: "This terminal may not take payments yet. Please call the helper.",
    Reason.AT_GATEWAY: "The payment was closed. Please start again.",
    Reason.MISMATCH: "The amount paid is wrong. Please call the shop's helper.",
    Reason.FAULT: "Something went wrong here. Please call the shop's helper.",
}


def span(seconds: int) -> str:
    """A length of time as people say it: "12 s", "3 min", "2 h"."""
    if seconds < 60:
        return f"{max(seconds, 0)} s"
    return f"{seconds // 60} min" if seconds < 3600 else f"{seconds // 3600} h"


def since(seconds: int, doing: str) -> str:
    """ "for 12 s: asking again": how long, and what is being tried."""
    return f"for {span(seconds)}: {doing}" if doing else f"for {span(seconds)}"


def reference(digits: str, wallet: str) -> str:
    """ "ref 4711, Alipay": what the small line of PAID says; "" when nothing is known."""
    return ", ".join(part for part in (f"ref {digits}" if digits else "", wallet) if part)


def marks(test: bool, again: bool) -> tuple[str, ...]:
    """What the band at the top says: the long words and the short ones."""
    if test and again:
        return f"{TEST}: no real money. {LAST_SALE}", f"{TEST}: {LAST_SALE}"
    return (LAST_SALE,) if again else (f"{TEST}: no real money", TEST)


def resolving(count: int) -> tuple[str, str]:
    """How many older sales are still unknown: the long words and the short ones."""
    return f"{count} checking", f"{count}?"


def items(count: int) -> str:
    """ "3 items"."""
    return f"{count} items"


def spelt(order_no: str) -> str:
    """An order number in fives, as it is read over the phone."""
    return " ".join(order_no[at : at + 5] for at in range(0, len(order_no), 5))
