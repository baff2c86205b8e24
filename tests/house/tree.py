"""Rules that a linter cannot say, read off the syntax tree. Each rule returns what breaks it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PURE = ("core", "codes", "gateways", "screens", "wire/http.py", "wire/signing.py")
EXACT = ("core", "codes", "gateways")  # rooms where money is: no float
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
CLOCKS = {
    "now",
    "utcnow",
    "today",
    "time",
    "time_ns",
    "monotonic",
    "perf_counter",
    "urandom",
    "uuid4",
}


def python_files(root: Path, rooms: tuple[str, ...] = ("",)) -> Iterator[tuple[Path, ast.Module]]:
    for room in rooms:
        place = root / room
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            if file.exists():
                yield file, ast.parse(file.read_text(encoding="utf-8"))


def clocks_in_pure_rooms(terminal: Path) -> list[str]:
    """`datetime.now()` and its like: time and chance come in by the door."""
    found = []
    for file, tree in python_files(terminal, PURE):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node.func) in CLOCKS:
                found.append(f"{file}:{node.lineno}: {_called(node.func)}() in a pure room")
    return found


def _called(func: ast.expr) -> str:
    if isinstance(func, ast.Attribute):
        return func.attr
    return ""


def floats_near_money(terminal: Path) -> list[str]:
    found = []
    for file, tree in python_files(terminal, EXACT):
        for node in ast.walk(tree):
            literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            named = isinstance(node, ast.Name) and node.id == "float"
            if literal or named:
                found.append(f"{file}:{getattr(node, 'lineno', 0)}: a float where money is")
    return found


def long_functions(terminal: Path) -> list[str]:
    found = []
    for file, tree in python_files(terminal):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    found.append(f"{file}:{node.lineno}: {node.name} has {lines} lines")
    return found


def long_files(terminal: Path) -> list[str]:
    found = []
    for file, _tree in python_files(terminal):
        lines = len(file.read_text(encoding="utf-8").splitlines())
        if lines > FILE_LINES_MAX:
            found.append(f"{file}: {lines} lines, more than {FILE_LINES_MAX}")
    return found


def swallowed_errors(terminal: Path) -> list[str]:
    """`except:` and `except Exception: pass` hide what a shopkeeper should hear of."""
    found = []
    for file, tree in python_files(terminal):
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                silent = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
                broad = isinstance(node.type, ast.Name) and node.type.id in (
                    "Exception",
                    "BaseException",
                )
                if node.type is None or (broad and silent):
                    found.append(f"{file}:{node.lineno}: an error is swallowed")
    return found


FORBIDDEN_ROOMS = {"utils", "helpers", "common", "manager", "service", "base", "misc"}


def rooms_named_for_nothing(terminal: Path) -> list[str]:
    return [str(path) for path in sorted(terminal.rglob("*")) if path.stem in FORBIDDEN_ROOMS]


RULES = (
    clocks_in_pure_rooms,
    floats_near_money,
    long_functions,
    long_files,
    swallowed_errors,
    rooms_named_for_nothing,
)


MOCKS = {"unittest.mock", "mock", "pytest_mock"}  # a library's own simulated pins are no such thing


def mocks_of_our_own(tests: Path) -> list[str]:
    """A mock of our own module proves nothing."""
    found = []
    for file, tree in python_files(tests):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom | ast.Import):
                module = getattr(node, "module", "") or ""
                names = {alias.name for alias in node.names} | {module}
                names |= {f"{module}.{alias.name}" for alias in node.names}
                if names & MOCKS:
                    found.append(f"{file}:{node.lineno}: imports a mock")
    return found
