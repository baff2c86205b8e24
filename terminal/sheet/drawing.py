"""The wiring as a picture: the header in the middle, the parts at its sides, wires by colour."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from terminal.sheet import header
from terminal.sheet.wires import Build, Piece, Wire

ROW, RADIUS = 30, 11
WIDTH, TOP = 960, 96
COLUMN_X = {True: WIDTH // 2 - 19, False: WIDTH // 2 + 19}  # left: the odd pins
BOX_W, BOX_GAP, BOX_HEAD = 262, 16, 26
BOX_X = {True: 16, False: WIDTH - 16 - BOX_W}
PLUG_H, NOTE_H = 52, 24
PIN_FILL = {"3V3": "#f6a03d", "5V": "#d93636", "GND": "#222222"}
STROKES = {
    "orange": "#f08c1c", "red": "#d62728", "black": "#222222", "blue": "#1f6fd0", "green": "#25963b",
    "violet": "#8a4fc0", "brown": "#8b5a2b", "yellow": "#e3bd12", "grey": "#8a8f96", "white": "#ffffff",
    "pink": "#e060a8",
}  # fmt: skip
FONT = "font-family='DejaVu Sans, Helvetica, Arial, sans-serif'"


@dataclass(frozen=True, slots=True)
class Box:
    """The terminals of one part on one side of the header; `y` of its top."""

    piece: Piece
    wires: tuple[Wire, ...]
    left: bool
    y: float

    @property
    def height(self) -> float:
        return BOX_HEAD + len(self.wires) * ROW * 0.8 + 8

    def terminal_y(self, index: int) -> float:
        return self.y + BOX_HEAD + (index + 0.5) * ROW * 0.8


def svg(build: Build) -> str:
    """A whole file."""
    boxes = [*_side(build, True), *_side(build, False)]
    plugged = [piece for piece in build.pieces if piece.plug]
    bottom = max([TOP + header.ROWS * ROW + 12, *(box.y + box.height + 12 for box in boxes)])
    notes = [f"{_short(piece)}: {piece.note}" for piece in build.pieces if piece.note]
    below = bottom + (PLUG_H + 20 if plugged else 0)
    height = below + len(notes) * NOTE_H + 8
    body = [*_title(build), *_board()]
    for box in boxes:
        body += _box(box)
    used = {wire.pin for box in boxes for wire in box.wires}
    body += [line for pin in range(1, 2 * header.ROWS + 1) for line in _pin(pin, pin in used)]
    for box in boxes:
        for index, wire in enumerate(box.wires):
            body += _wire(wire, box, index)
    body += _plugs(plugged, bottom)
    body += (_text(16, below + (at + 0.7) * NOTE_H, note, 14) for at, note in enumerate(notes))
    view = f"viewBox='0 0 {WIDTH} {height:g}' width='{WIDTH}' height='{height:g}'"
    return "\n".join(
        [f"<svg xmlns='http://www.w3.org/2000/svg' {view} {FONT}>",
         f"<rect width='{WIDTH}' height='{height:g}' fill='#fbfaf7'/>", *body, "</svg>", ""]
    )  # fmt: skip


def _side(build: Build, left: bool) -> list[Box]:
    """Boxes from top to bottom in the order of their wires, none over another."""
    groups = []
    for piece in build.pieces:
        wires = tuple(wire for wire in piece.wires if header.is_left(wire.pin) is left)
        if wires:
            groups.append((sum(header.row(wire.pin) for wire in wires) / len(wires), piece, wires))
    groups.sort(key=lambda each: each[0])
    boxes: list[Box] = []
    y = float(TOP)
    for middle, piece, wires in groups:
        box = Box(piece, wires, left, y)
        wished = TOP + (middle + 0.5) * ROW - box.height / 2
        boxes.append(Box(piece, wires, left, max(y, wished)))
        y = boxes[-1].y + box.height + BOX_GAP
    return boxes


def _text(x: float, y: float, said: str, size: int = 13, **more: str) -> str:
    style = "".join(f" {key.replace('_', '-')}='{value}'" for key, value in more.items())
    return f"<text x='{x:g}' y='{y:g}' font-size='{size}'{style}>{escape(said)}</text>"


def _short(piece: Piece) -> str:
    return re.split("[,:]", piece.name)[0]


def _title(build: Build) -> Iterator[str]:
    yield _text(16, 34, build.board.name, 22, font_weight="bold")
    yield _text(
        16, 58, f"profile {build.name} · power off before you touch a wire", 14, fill="#555"
    )
    middle = WIDTH / 2
    yield _text(
        middle, TOP - 14, "↑ corner of the board, SD card", 11, text_anchor="middle", fill="#555"
    )


def _board() -> Iterator[str]:
    x = COLUMN_X[True] - 26
    yield (
        f"<rect x='{x}' y='{TOP - 6}' width='{COLUMN_X[False] + 26 - x}' height='{header.ROWS * ROW + 12}' "
        "rx='8' fill='#2f7d4f' stroke='#1d5233'/>"
    )


def _pin(pin: int, used: bool) -> Iterator[str]:
    x, y = COLUMN_X[header.is_left(pin)], TOP + (header.row(pin) + 0.5) * ROW
    fill = PIN_FILL.get(header.POWER.get(pin, ""), "#e9d9a6") if used else "#3f8f60"
    ink = "#fff" if used and pin in header.POWER else ("#222" if used else "#a9cfb8")
    shape = f"x='{x - RADIUS}' y='{y - RADIUS:g}' width='{2 * RADIUS}' height='{2 * RADIUS}'"
    round_px = 2 if pin == 1 else RADIUS  # pin 1 has a square pad on the board too
    yield f"<rect {shape} rx='{round_px}' fill='{fill}'/>"
    yield _text(x, y + 4, str(pin), 11, text_anchor="middle", fill=ink)


def _box(box: Box) -> Iterator[str]:
    x = BOX_X[box.left]
    yield (
        f"<rect x='{x}' y='{box.y:g}' width='{BOX_W}' height='{box.height:g}' rx='6' fill='#fff' stroke='#667'/>"
    )
    yield _text(x + 10, box.y + 18, _short(box.piece), 13, font_weight="bold")
    for index, wire in enumerate(box.wires):
        y = box.terminal_y(index) + 4
        inner = x + BOX_W - 12 if box.left else x + 12
        outer = x + 10 if box.left else x + BOX_W - 10
        where = f"pin {wire.pin} · {header.name(wire.pin)}"
        ends = ("end", "start") if box.left else ("start", "end")
        yield _text(inner, y, wire.terminal, 13, text_anchor=ends[0], font_weight="bold")
        yield _text(outer, y, where, 12, text_anchor=ends[1], fill="#555")


def _wire(wire: Wire, box: Box, index: int) -> Iterator[str]:
    out = -1 if box.left else 1
    x1 = COLUMN_X[box.left] + out * RADIUS
    y1 = TOP + (header.row(wire.pin) + 0.5) * ROW
    x2, y2 = BOX_X[box.left] + (BOX_W if box.left else 0), box.terminal_y(index)
    bend = abs(x2 - x1) * 0.55
    path = f"M{x1} {y1:g} C{x1 + out * bend:g} {y1:g} {x2 - out * bend:g} {y2:g} {x2} {y2:g}"
    yield f"<path d='{path}' fill='none' stroke='#333' stroke-width='4.6' stroke-linecap='round'/>"
    yield (
        f"<path d='{path}' fill='none' stroke='{STROKES[wire.colour]}' stroke-width='3.4' stroke-linecap='round'/>"
    )


def _plugs(plugged: list[Piece], y: float) -> Iterator[str]:
    """What hangs on a socket of the board, in a row below."""
    wide = (WIDTH - 32 - BOX_GAP * (len(plugged) - 1)) / len(plugged) if plugged else 0
    for at, piece in enumerate(plugged):
        x = 16 + at * (wide + BOX_GAP)
        yield (
            f"<rect x='{x:g}' y='{y:g}' width='{wide:g}' height='{PLUG_H}' rx='6' fill='#fff' stroke='#667' "
            "stroke-dasharray='5 3'/>"
        )
        yield _text(x + 10, y + 21, _short(piece), 13, font_weight="bold")
        yield _text(x + 10, y + 41, f"→ {piece.plug}", 12, fill="#555")
