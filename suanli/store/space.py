"""How large the record is, and how much room it has."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from suanli.model.errors import Unavailable
from suanli.model.message import Message
from suanli.store.dialect import reading

_PARTS = ("", "-wal", "-shm")
"""SQLite's own files beside the database."""


def size_bytes(engine: Engine) -> int | None:
    """What the record takes on disk; None where that cannot be found out."""
    if engine.dialect.name != "sqlite":
        return _asked(engine)
    found = [file.stat().st_size for part in _PARTS if (file := Path(f"{engine.url.database}{part}")).exists()]
    return sum(found) if found else None


def free_bytes(engine: Engine) -> int | None:
    """What this process may still write where the record lies; None for a server, which tells nobody of its disk."""
    if engine.dialect.name != "sqlite":
        return None
    try:
        return shutil.disk_usage(Path(str(engine.url.database)).absolute().parent).free
    except OSError:
        return None


def leave_free(engine: Engine, least: int) -> None:
    """Raises Unavailable where fewer bytes than this are known to be free."""
    free = free_bytes(engine) if least else None
    if free is not None and free < least:
        raise Unavailable(
            Message(
                "the store has {free} bytes left on its disk, and {min_free} are to stay free (store.min_free)",
                free=free,
                min_free=least,
            )
        )


def _asked(engine: Engine) -> int | None:
    try:
        with reading(engine) as connection:
            return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    except DBAPIError:
        return None
