"""What a person does about an order that waits for one (outcome attention), by what is known of it."""

from __future__ import annotations

from typing import Any

from terminal.cli.paper import money
from terminal.core.sale import NO_CANCEL, NOT_UNDONE, Reason


def advice(order: dict[str, Any]) -> str:
    """The next step for an order as the daemon tells it. Where the money is, only the gateway's books say."""
    number = order["order_no"]
    if order.get("of"):
        return _of_return(order, number)
    look = f"Look up {number} in the gateway's portal"
    if order["reason"] == Reason.MISMATCH.value and order.get("paid") == order["amount"]:
        return f"Another amount went back than was taken. {look}, and settle the difference there."
    if order["reason"] == Reason.MISMATCH.value:
        return (
            f"The gateway took {money(order.get('paid'))}, not {money(order['amount'])}. {look}, give that "
            "back there, and take the right amount in a new sale."
        )
    if order["reason"] == Reason.FAULT.value:
        return (
            f"A fault of this program stopped it. {look}: if it is paid, hand over or give the money "
            "back there. Then send the maker what `terminalctl bundle` packs."
        )
    why = {
        NOT_UNDONE: "The gateway never took its cancel, which is tried again every hour.",
        NO_CANCEL: "This gateway has no cancel.",
    }.get(str(order.get("detail")), "The terminal cannot end it.")
    return f"{why} {look}: if it is paid and nothing was handed over, give the money back there."


def _of_return(order: dict[str, Any], number: str) -> str:
    look = f"Look up {number}, a return of {order['of']}, in the gateway's portal"
    if order["reason"] == Reason.MISMATCH.value:
        return (
            f"The gateway gave back another amount than {money(order['amount'])}. {look}, and settle the "
            "difference there."
        )
    return (
        f"The gateway has not said whether {money(order['amount'])} went back, and is asked every hour. "
        f"{look}: if it did not, give it back there. This terminal gives it back no second time."
    )
