"""The disk under SQLite, watched and made to fail: for tests, the torture and the benchmarks.

`Disk` registers a copy of SQLite's own unix VFS as the default one. Every write, truncate, sync and delete
that SQLite hands to the kernel goes through `before` first, which may count it, keep it (to build the image
a power cut would leave) or refuse it with an SQLite result code (F90, F91). The journal under it is the
product's, with the product's SQLite; nothing of it is replaced.

Nothing in the daemon imports this file.
"""

from __future__ import annotations

import _sqlite3
import ctypes
from collections.abc import Callable
from ctypes import POINTER, Structure, byref, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

OK = 0
FULL = 13  # ENOSPC
IOERR_WRITE = 10 | 3 << 8
IOERR_FSYNC = 10 | 4 << 8
READONLY = 8
_CREATE = 0x4  # SQLITE_OPEN_CREATE
_JOURNALS = 0x800 | 0x4000 | 0x80000  # rollback journal, super journal, -wal


class Kind(Enum):
    """What reaches the kernel and changes what is on the disk."""

    CREATE = "create"
    WRITE = "write"
    TRUNCATE = "truncate"
    SYNC = "sync"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Operation:
    """`offset`: where the write begins, or the new length of a truncate. `synced_name`: the delete or the sync
    also syncs the directory, as SQLite does with the first sync of a -wal or a rollback journal."""

    kind: Kind
    path: str
    offset: int = 0
    data: bytes = b""
    synced_name: bool = False


Before = Callable[[Operation], int]
_KEPT: list[Any] = []  # every Disk there was: a connection left open still points into it


class _File(Structure):
    _fields_: ClassVar = [("methods", c_void_p)]


_Write = ctypes.CFUNCTYPE(c_int, POINTER(_File), c_void_p, c_int, c_int64)
_Truncate = ctypes.CFUNCTYPE(c_int, POINTER(_File), c_int64)
_Sync = ctypes.CFUNCTYPE(c_int, POINTER(_File), c_int)
_Close = ctypes.CFUNCTYPE(c_int, POINTER(_File))


class _Methods(Structure):
    """sqlite3_io_methods, version 3 (sqlite3.h)."""

    _fields_: ClassVar = [
        ("version", c_int),
        ("close", _Close),
        ("read", c_void_p),
        ("write", _Write),
        ("truncate", _Truncate),
        ("sync", _Sync),
        *[(f"other{n}", c_void_p) for n in range(13)],
    ]


class _Vfs(Structure):
    """sqlite3_vfs, version 3 (sqlite3.h)."""


# The name stays a bare pointer: SQLite keeps the URI's parameters behind and before the text it points to.
_Open = ctypes.CFUNCTYPE(c_int, POINTER(_Vfs), c_void_p, POINTER(_File), c_int, POINTER(c_int))
_Delete = ctypes.CFUNCTYPE(c_int, POINTER(_Vfs), c_char_p, c_int)
_Vfs._fields_ = [
    ("version", c_int),
    ("file_size", c_int),
    ("path_max", c_int),
    ("next", c_void_p),
    ("name", c_char_p),
    ("data", c_void_p),
    ("open", _Open),
    ("delete", _Delete),
    *[(f"other{n}", c_void_p) for n in range(13)],
]


def _library() -> Any:
    """The very SQLite that Python's sqlite3 uses: looked up through its own extension module."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = [c_char_p]
    library.sqlite3_vfs_register.argtypes = [POINTER(_Vfs), c_int]
    library.sqlite3_vfs_unregister.argtypes = [POINTER(_Vfs)]
    return library


class Disk:
    """`with Disk(before):` every database opened meanwhile is watched; close it before the block ends.

    `before(operation) -> result code`, OK to let it happen. It runs inside SQLite and must not raise."""

    def __init__(self, before: Before) -> None:
        self._before = before
        self._library = _library()
        self._real = self._library.sqlite3_vfs_find(None)
        self._vfs = _Vfs.from_buffer_copy(self._real.contents)
        self._vfs.name = b"watched"
        self._vfs.open = _Open(self._opened)
        self._vfs.delete = _Delete(self._deleted)
        self._methods: dict[tuple[int, str], _Methods] = {}
        self._unsynced_names: set[str] = set()
        _KEPT.append(self)

    def __enter__(self) -> Disk:
        self._library.sqlite3_vfs_register(byref(self._vfs), 1)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._library.sqlite3_vfs_unregister(byref(self._vfs))
        self._library.sqlite3_vfs_register(self._real, 1)

    def _opened(self, _vfs: Any, name: int | None, file: Any, flags: int, out: Any) -> int:
        if name is None:
            return int(self._real.contents.open(self._real, name, file, flags, out))
        path = ctypes.string_at(name).decode()
        if flags & _CREATE and not Path(path).exists():
            refused = self._before(Operation(Kind.CREATE, path))
            if refused:
                return refused
        rc: int = self._real.contents.open(self._real, name, file, flags, out)
        if rc == OK:
            if flags & _CREATE and flags & _JOURNALS:
                self._unsynced_names.add(path)
            file.contents.methods = ctypes.addressof(self._watched(file, path))
        return rc

    def _deleted(self, _vfs: Any, name: bytes, sync: int) -> int:
        told = Operation(Kind.DELETE, name.decode(), synced_name=bool(sync))
        return self._before(told) or self._real.contents.delete(self._real, name, sync)

    def _watched(self, file: Any, path: str) -> _Methods:
        """The file's own methods with ours before three of them; one copy per file name."""
        address = file.contents.methods
        if (address, path) not in self._methods:
            self._methods[address, path] = self._wrapped(_Methods.from_address(address), path)
        return self._methods[address, path]

    def _wrapped(self, real: _Methods, path: str) -> _Methods:
        before = self._before

        def write(file: Any, data: int, size: int, offset: int) -> int:
            told = Operation(Kind.WRITE, path, offset, ctypes.string_at(data, size))
            return before(told) or real.write(file, data, size, offset)

        def truncate(file: Any, size: int) -> int:
            return before(Operation(Kind.TRUNCATE, path, size)) or real.truncate(file, size)

        def sync(file: Any, flags: int) -> int:
            told = Operation(Kind.SYNC, path, synced_name=path in self._unsynced_names)
            rc: int = before(told) or real.sync(file, flags)
            if rc == OK:
                self._unsynced_names.discard(path)
            return rc

        mine = _Methods.from_buffer_copy(real)
        mine.write, mine.truncate, mine.sync = _Write(write), _Truncate(truncate), _Sync(sync)
        return mine
