"""Display chips as far as a picture needs them: what goes over the wire in, what stands in their RAM out.

A stream is a list of (is_data, bytes), as the D/C line or the I2C control byte tells them apart. Only commands
that luma sends are known, each with its number of parameters from the chip's datasheet; another one fails, so
that a driver which gets out of step is noticed. What turns the glass round (segment remap, MADCTL) is left out:
it undoes how the glass is wired.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import chain

from PIL import Image

Part = tuple[bool, bytes]
NONE: dict[int, int] = {}
NOISE = 0x55  # a chip wakes with anything in its RAM

_SSD1306 = {0x20: 1, 0x21: 2, 0x22: 2, 0x81: 1, 0x8D: 1, 0xA8: 1} | dict.fromkeys(
    (0xD3, 0xD5, 0xD9, 0xDA, 0xDB), 1
)
_SH1107 = {0x81: 1, 0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDB: 1}
_SH1106 = {**_SH1107, 0xDA: 1}
_SSD1325 = {0x15: 2, 0x75: 2, 0x81: 1, 0xB8: 8} | dict.fromkeys(
    (0xA0, 0xA1, 0xA2, 0xA8, 0xAD, 0xB0, 0xB1, 0xB2, 0xB3, 0xB4, 0xBC, 0xBE, 0xBF), 1
)
_SSD1327 = {**_SSD1325, 0xAB: 1, 0xB6: 1, 0xD5: 1}
_SSD1331 = {0x15: 2, 0x75: 2} | dict.fromkeys(
    (0x81, 0x82, 0x83, 0x87, 0x8A, 0x8B, 0x8C, 0xA0, 0xA1, 0xA2, 0xA8, 0xAD, 0xB0, 0xB1, 0xB3), 1
)
_SSD1331 |= {0xBB: 1, 0xBE: 1}


class Chip:
    """Commands and their parameters in one stream of command bytes; data goes into the window."""

    lengths = NONE
    mode = "L"

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.on = False
        self.contrast = -1
        self._awaited: list[int] = []
        self._columns, self._rows = (0, 0), (0, 0)
        self._at = (0, 0)
        self._ram: defaultdict[tuple[int, int], int] = defaultdict(lambda: NOISE)

    def take(self, stream: Iterable[Part]) -> None:
        for is_data, part in stream:
            if is_data:
                self.data(part)
            else:
                self.commands(part)

    def commands(self, part: bytes) -> None:
        for byte in part:
            self._awaited.append(byte)
            command, *parameters = self._awaited
            if len(parameters) == self.lengths.get(command, 0):
                self._awaited = []
                self.command(command, parameters)
        assert not self._awaited, f"a command without its parameters: {self._awaited}"

    def command(self, command: int, parameters: list[int]) -> None:
        if command in (0xAE, 0xAF):
            self.on = command == 0xAF
        elif command in (0x81, 0xC1):
            self.contrast = parameters[0]
        elif command in (0x15, 0x21):
            self._columns = parameters[0], parameters[1]
            self._at = (self._columns[0], self._rows[0])
        elif command in (0x75, 0x22):
            self._rows = parameters[0], parameters[1]
            self._at = (self._columns[0], self._rows[0])

    def data(self, part: bytes) -> None:
        for byte in part:
            self._ram[self._at] = byte
            column, row = self._at
            column += 1
            if column > self._columns[1]:
                column, row = self._columns[0], row + 1
            if row > self._rows[1]:
                row = self._rows[0]
            self._at = (column, row)

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        """As many values from 0 to 255 as `mode` has."""
        raise NotImplementedError

    def image(self) -> Image.Image:
        """What stands on the glass."""
        pixels = (self.pixel(x, y) for y in range(self.height) for x in range(self.width))
        size = (self.width, self.height)
        return Image.frombytes(self.mode, size, bytes(chain.from_iterable(pixels)))


class Ssd1306(Chip):
    """Pages of eight rows; a window of columns and pages."""

    lengths = _SSD1306

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        first = 32 if self.width == 64 else 0
        return (255 if self._ram[first + x, y // 8] >> y % 8 & 1 else 0,)


class Sh1106(Chip):
    """A page and a first column; the column runs on by itself to the end of the RAM."""

    lengths = _SH1106
    first_column, columns = 2, 132

    def __init__(self, width: int, height: int) -> None:
        super().__init__(width, height)
        self._columns = (0, self.columns - 1)
        self._page = self._column = 0

    def command(self, command: int, parameters: list[int]) -> None:
        if command <= 0x0F:
            self._column = self._column & 0xF0 | command
        elif 0x10 <= command <= 0x1F:
            self._column = self._column & 0x0F | (command & 0x0F) << 4
        elif 0xB0 <= command <= 0xBF:
            self._page = command & 0x0F
        else:
            super().command(command, parameters)

    def data(self, part: bytes) -> None:
        for byte in part:
            assert self._column < self.columns, "written over the end of the RAM"
            self._ram[self._column, self._page] = byte
            self._column += 1

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        return (255 if self._ram[self.first_column + x, y // 8] >> y % 8 & 1 else 0,)


class Sh1107(Sh1106):
    lengths = _SH1107
    first_column, columns = 0, 128


class Ssd1325(Chip):
    """Two pixels of four bits in a byte, the left one low."""

    lengths = _SSD1325

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        return ((self._ram[x // 2, y] >> 4 * (x % 2) & 0x0F) * 17,)


class Ssd1327(Ssd1325):
    lengths = _SSD1327


class Ssd1331(Chip):
    """65,536 colours in two bytes."""

    lengths = _SSD1331
    mode = "RGB"

    def data(self, part: bytes) -> None:
        for pair in zip(part[::2], part[1::2], strict=True):
            self._ram_pair(pair)

    def _ram_pair(self, pair: tuple[int, int]) -> None:
        at = self._at
        super().data(bytes(pair[:1]))
        self._ram[at] = pair[0] << 8 | pair[1]

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        return _565(self._ram[x, y])


def _565(value: int) -> tuple[int, int, int]:
    return (value >> 11) * 255 // 31, (value >> 5 & 0x3F) * 255 // 63, (value & 0x1F) * 255 // 31


class Addressed(Chip):
    """One command byte; its parameters come as data, and after the write command the pixels."""

    column_command, row_command, write_command = 0x15, 0x75, 0x5C
    wide = False  # addresses of two bytes

    def commands(self, part: bytes) -> None:
        assert len(part) == 1, "one command, and its parameters as data"
        self._command = part[0]
        self._parameters = b""
        if self._command in (0xAE, 0xAF, 0x28, 0x29):
            self.on = self._command in (0xAF, 0x29)
        if self._command == self.write_command:
            self._at, self._left = (self._columns[0], self._rows[0]), b""

    def data(self, part: bytes) -> None:
        if self._command == self.write_command:
            self._pixels(self._left + part)
            return
        self._parameters += part
        if self._command == 0xC1:
            self.contrast = self._parameters[0]
        if len(self._parameters) == (4 if self.wide else 2):
            if self._command == self.column_command:
                self._columns = self._ends()
            elif self._command == self.row_command:
                self._rows = self._ends()

    def _ends(self) -> tuple[int, int]:
        found = self._parameters
        if self.wide:
            return found[0] << 8 | found[1], found[2] << 8 | found[3]
        return found[0], found[1]

    size_bytes = 2

    def _pixels(self, data: bytes) -> None:
        whole = len(data) // self.size_bytes * self.size_bytes
        column, row = self._at
        for at in range(0, whole, self.size_bytes):
            self._ram[column, row] = int.from_bytes(data[at : at + self.size_bytes])
            column += 1
            if column > self._columns[1]:
                column, row = self._columns[0], row + 1
            if row > self._rows[1]:
                row = self._rows[0]
        self._at, self._left = (column, row), data[whole:]


class Ssd1322(Addressed):
    """A column address is four pixels of four bits, the left one high; the glass is in the middle of 480."""

    size_bytes = 2

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        first = (480 - self.width) // 8
        return ((self._ram[first + x // 4, y] >> 4 * (3 - x % 4) & 0x0F) * 17,)


class Ssd1351(Addressed):
    mode = "RGB"

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        return _565(self._ram[x, y])


class Lcd(Addressed):
    """ST7735, ST7789 and ILI9341 as luma sets them: three bytes for a pixel, the upper six bits of each."""

    column_command, row_command, write_command = 0x2A, 0x2B, 0x2C
    wide, size_bytes = True, 3
    mode = "RGB"

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        value = self._ram[x, y]
        return value >> 16 & 0xFC, value >> 8 & 0xFC, value & 0xFC


MODELS: dict[str, type[Chip]] = {
    "ssd1306": Ssd1306,
    "ssd1309": Ssd1306,
    "sh1106": Sh1106,
    "sh1107": Sh1107,
    "ssd1322": Ssd1322,
    "ssd1325": Ssd1325,
    "ssd1327": Ssd1327,
    "ssd1331": Ssd1331,
    "ssd1351": Ssd1351,
    "st7735": Lcd,
    "st7789": Lcd,
    "ili9341": Lcd,
}
