"""What the names in a drop folder mean, and a table -> samples. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import PurePosixPath

from collectors.tables import Table, read_table
from suanli.model.polled import PolledSite
from suanli.tables.rows import Columns

DONE, REFUSED = "done", "refused"
_TABLES = frozenset({".csv", ".json", ".jsonl", ".ndjson", ".xlsx", ".xlsm", ".xls", ".et"})
_STAMP = "%Y%m%dT%H%M%SZ"
_ASIDE = re.compile(r"(\d{8}T\d{6}Z)-(.+)", re.DOTALL)


def is_table(name: str) -> bool:
    """Whether a file of this name is to be read: no lock of Excel, nothing hidden, nothing that is still being sent."""
    return PurePosixPath(name).suffix.lower() in _TABLES and not name.startswith(("~$", "."))


def aside(now: int, name: str) -> str:
    """What a file is called once it is put aside: first when it was read, so that no other of its name is lost."""
    return f"{datetime.fromtimestamp(now, UTC):{_STAMP}}-{name}"


def put_aside(name: str) -> tuple[int, str] | None:
    """When a file was put aside (UTC seconds), and its name before; None for one that was not, and for reports."""
    found = _ASIDE.fullmatch(name)
    if found is None or not is_table(found[2]):
        return None
    try:
        moment = datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()), found[2]


def parse(name: str, data: bytes, site: PolledSite, now: int, columns: Columns, sheet: str | None = None) -> Table:
    """What people write into a table is declared, unless a row says otherwise."""
    return read_table(name, data, site, now, columns, "declared", sheet)
