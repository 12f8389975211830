"""A SQLite store as a whole: looked over for damage, copied while it is in use, and put back."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from suanli.model.errors import InputError, Problem, SuanliError, Unavailable
from suanli.model.message import Message
from suanli.store.alone import alone
from suanli.store.engine import HEAD

_PAGES = 2_000
"""Copied in one step, between which progress is told."""
_LOOKS = {False: "quick_check", True: "integrity_check"}
_FAULTS = 100
"""So many are named of a damaged file."""
Told = Callable[[int, int], None]
"""Is told how many pages are done, and of how many."""


def damage(file: Path, *, thorough: bool = False) -> list[str]:
    """What is wrong with this file, in SQLite's words; nothing when it is whole. It may be in use.

    thorough: every index is compared with its table, too. Raises Unavailable when it cannot be read at all.
    """
    try:
        with _opened(file) as connection:
            words = [row[0] for row in connection.execute(f"PRAGMA {_LOOKS[thorough]}({_FAULTS})")]
            orphans = connection.execute("PRAGMA foreign_key_check").fetchmany(_FAULTS)
    except sqlite3.OperationalError as error:
        raise Unavailable(Message("{file} cannot be read: {why}", file=file, why=str(error))) from None
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [word for word in words if word != "ok"] + [_orphan(row, table, parent) for table, row, parent, _ in orphans]


def _orphan(row: int | None, table: str, parent: str) -> str:
    """row: None of a table that has no numbers of its own."""
    which = f"a row of {table}" if row is None else f"row {row} of {table}"
    return f"{which} belongs to a row of {parent} that is not there"


def revision_of(file: Path) -> str | None:
    """The schema's revision in this file; None where it is not a store of ours."""
    try:
        with _opened(file) as connection:
            return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except (sqlite3.DatabaseError, TypeError):
        return None


def backup(file: Path, to: Path, told: Told) -> int:
    """Copy the store as it is at this moment, while others go on writing; the copy's bytes.

    The copy is one file, found whole, and in its place at once or not at all. Raises Unavailable when it cannot be
    written or the store is damaged.
    """
    part = to.with_name(f"{to.name}.part")
    try:
        _copy(file, part, told)
        if faults := damage(part):
            raise Unavailable(Message("the store is damaged, nothing was kept: {why}", why=faults[0]))
        _settle(part, to)
    except (sqlite3.Error, OSError) as error:
        raise Unavailable(Message("{file} cannot be written: {why}", file=to, why=str(error))) from None
    finally:
        part.unlink(missing_ok=True)
    return to.stat().st_size


def fit(copy: Path) -> str:
    """The revision of a copy that may be put back; an InputError says why another may not."""
    if not copy.is_file():
        raise InputError(Problem(Message("there is no such file"), file=str(copy)))
    found = revision_of(copy)
    if found is None:
        raise InputError(Problem(Message("this is no store of Suanli"), file=str(copy)))
    if found > HEAD:
        told = Message("schema {found} is newer than this version knows ({head})", found=found, head=HEAD)
        raise InputError(Problem(told, file=str(copy)))
    if faults := damage(copy, thorough=True):
        raise InputError(Problem(Message("this copy is damaged: {why}", why=faults[0]), file=str(copy)))
    return found


def restore(file: Path, copy: Path, stamp: str) -> Path | None:
    """Put this copy in the store's place, and what was there aside, as it was; where it lies now.

    stamp: added to the name of what is put aside. Raises Unavailable, with nothing changed, while somebody serves or
    writes the store.
    """
    fit(copy)
    part = file.with_name(f"{file.name}.part")
    try:
        with alone(file):
            shutil.copyfile(copy, part)
            aside = _put_aside(file, file.with_name(f"{file.name}.{stamp}")) if file.exists() else None
            _settle(part, file)
    except OSError as error:
        raise Unavailable(Message("{file} cannot be written: {why}", file=file, why=str(error))) from None
    finally:
        part.unlink(missing_ok=True)
    return aside


def _copy(file: Path, part: Path, told: Told) -> None:
    part.unlink(missing_ok=True)
    with _opened(file) as source, closing(sqlite3.connect(part)) as copy:
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_schema").fetchone()  # one moment: else what others write begins it anew
        source.backup(copy, pages=_PAGES, progress=lambda _status, left, pages: told(pages - left, pages))
        copy.execute("PRAGMA journal_mode=DELETE")  # no second file belongs to it


def _settle(part: Path, to: Path) -> None:
    """In its place at once, and on disk."""
    _flush(part)
    os.replace(part, to)
    _flush(to.parent)


def _flush(place: Path) -> None:
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _put_aside(file: Path, aside: Path) -> Path:
    """Under another name too, so that at no moment nothing is in its place; a damaged one with what belongs to it."""
    _close_log(file)
    for end in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.rename(f"{file}{end}", f"{aside}{end}")
    os.link(file, aside)
    return aside


def _close_log(file: Path) -> None:
    """All of it in the one file, as whoever closes it last leaves it; Unavailable while others have it open."""
    try:
        with closing(sqlite3.connect(file, timeout=2, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        raise Unavailable(Message("{file} is in use: {why}", file=file, why=str(error))) from None
    except sqlite3.DatabaseError:
        return  # that it is damaged is the reason to restore
    if Path(f"{file}-wal").exists():
        raise Unavailable(Message("{file} is in use by another process", file=file))


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    """For reading; what is not there is not made."""
    if not file.is_file():
        raise SuanliError(Message("there is no store at {file}", file=file))
    uri = f"{file.absolute().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None)) as connection:
        connection.execute("PRAGMA query_only=ON")
        yield connection
