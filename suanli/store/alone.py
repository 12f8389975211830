"""One serving process for one SQLite file; of PostgreSQL several may be served."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from suanli.model.errors import Unavailable
from suanli.model.message import Message


@contextmanager
def alone(file: Path | None) -> Iterator[None]:
    """Nobody else serves this file as long as the block runs; Unavailable, naming the process, where one does.

    file: None where there is none, as of a PostgreSQL. The lock is the kernel's, on a file beside the
    database, and ends with the process however that ends. It is not on the database itself: closing that would end
    SQLite's own locks on it.
    """
    if file is None:
        yield
        return
    beside = file.with_name(f"{file.name}-serving")
    try:
        lock = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Unavailable(
            Message("the store {database} cannot be opened: {why}", database=file, why=error.strerror)
        ) from None
    try:
        _take(lock, file)
        yield
    finally:
        os.close(lock)


def _take(lock: int, file: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Unavailable(
            Message(
                "{file} is served by process {pid} already: stop that one, or give this one a store of its own "
                "(several may serve one PostgreSQL)",
                file=file,
                pid=os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "?",
            )
        ) from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
