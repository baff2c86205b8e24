"""The glasses and panels that are looked at: one sample of every screen, ordinary and awkward."""

from __future__ import annotations

from terminal.core.sale import Reason
from terminal.core.terms import Money
from terminal.core.views import (
    Attention,
    Checking,
    Choosing,
    ClockNotSet,
    Glass,
    Idle,
    NotPaid,
    OutOfService,
    Paid,
    Presenting,
    Scanning,
    Typing,
    Waiting,
)
from terminal.screens import Panel

PANELS = {
    "oled-128x64": Panel(128, 64, "1", 170, "the 0.96 inch OLED"),
    "oled-128x128": Panel(128, 128, "1", 210, "the 1.5 inch OLED"),
    "colour-128x128": Panel(128, 128, "RGB", 210, "the 1.5 inch colour OLED"),
    "bar-256x64": Panel(256, 64, "1", 270, "the 2.8 inch OLED"),
    "grey-256x64": Panel(256, 64, "L", 270, "the 2.8 inch grey OLED"),
    "lcd-240x240": Panel(240, 240, "RGB", 97, "the 1.3 inch LCD"),
    "lcd-320x240": Panel(320, 240, "RGB", 127, "the 2 inch LCD"),
}

EUR = Money(1250, "EUR")
DONG = Money(1_250_000, "VND")
DINAR = Money(123_456_789, "KWD")
URL = "https://pay.example/q/7KX4M2PA"  # 30 bytes: version 2
LONGER = (
    "00020101021226580014br.gov.bcb.pix0136123e4567-e12b-12d3-a456-426655440000520400005303986540"
)
NUMBER = "TA1B2C300010000002KX7Q4ZM"

GLASSES = {
    "idle": Glass(Idle("Café Zürich", "on line")),
    "idle-test": Glass(
        Idle("The Old Mill Bakery and Tea Room", "3 to send"), resolving=2, test=True
    ),
    "idle-offline": Glass(Idle("Café Zürich", "since 09:41, sales wait", online=False)),
    "typing-zero": Glass(Typing(Money(0, "EUR"), Money(0, "EUR"), note="Type an amount first")),
    "typing": Glass(Typing(EUR, EUR)),
    "typing-items": Glass(Typing(Money(250, "EUR"), Money(1500, "EUR"), items=3)),
    "typing-long": Glass(Typing(DINAR, DINAR, note="More than this counter takes"), resolving=1),
    "choosing": Glass(Choosing(EUR, ("Alipay", "WeChat Pay", "GrabPay"))),
    "choosing-one": Glass(Choosing(DONG, ("UnionPay QuickPass",)), test=True),
    "presenting": Glass(Presenting(EUR, URL, 42, 60)),
    "presenting-both": Glass(Presenting(DONG, URL, 20, 60, scan_too=True), resolving=2, test=True),
    "presenting-note": Glass(Presenting(EUR, URL, 9, 60, scan_too=True, note="Not a payment code")),
    "presenting-acting": Glass(Presenting(EUR, URL, 9, 60, payer_acting=True)),
    "scanning": Glass(Scanning(EUR, 40)),
    "scanning-note": Glass(Scanning(DONG, 12, note="That is a web address"), test=True),
    "waiting": Glass(Waiting(EUR, "One moment", 3)),
    "waiting-cancel": Glass(Waiting(DINAR, "Cancelling"), resolving=1),
    "checking": Glass(Checking(EUR, 12, "asking again")),
    "checking-test": Glass(Checking(DONG, 190, "the line is down, asking again"), 3, test=True),
    "paid": Glass(Paid(EUR, "4711", "Alipay")),
    "paid-test": Glass(Paid(DONG, "0042", "WeChat Pay"), test=True),
    "paid-again": Glass(Paid(EUR, "4711", "Alipay", again=True)),
    "not-paid": Glass(NotPaid(EUR, Reason.CODE_EXPIRED)),
    "not-paid-long": Glass(NotPaid(DINAR, Reason.SETUP), resolving=2, test=True),
    "not-paid-again": Glass(NotPaid(EUR, Reason.INSUFFICIENT_FUNDS, again=True)),
    "attention": Glass(Attention(EUR, "RIVER 42", NUMBER)),
    "out-of-service": Glass(OutOfService("The journal is full.", "Run: terminalctl doctor")),
    "clock-not-set": Glass(ClockNotSet()),
}

# Codes that are too long for the smallest glass; fit or refusal is asked in test_qr.
LONG_GLASSES = {
    "presenting-longer": Glass(Presenting(EUR, LONGER, 42, 60, scan_too=True)),
    "presenting-longest": Glass(
        Presenting(EUR, LONGER + LONGER, 42, 60, scan_too=True), 2, test=True
    ),
    "presenting-full": Glass(Presenting(EUR, "x" * 271, 42, 60), 2, test=True),
}


def glasses(panel: Panel) -> dict[str, Glass]:
    """The samples that this panel can show."""
    from terminal.screens import qr

    fits = {
        name: glass
        for name, glass in LONG_GLASSES.items()
        if isinstance(glass.view, Presenting) and len(glass.view.qr) <= qr.bytes_max(panel)
    }
    return GLASSES | fits
