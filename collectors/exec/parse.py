"""What a program printed -> samples. Pure."""

from __future__ import annotations

from collectors.base import Unreadable
from collectors.tables import COLUMNS, read_table
from suanli.model.polled import PolledSite
from suanli.model.sample import Sample
from suanli.tables.rows import Columns

_COLUMNS = Columns((), COLUMNS)


def parse(printed: bytes, site: PolledSite, now: int, name: str) -> list[Sample]:
    """One JSON object a line; of `now` where it says no time. name: of the program, as it is told."""
    if not printed.lstrip().startswith(b"{"):
        began = printed[:60].decode(errors="replace").strip()
        told = f"printed {began!r}: expected one JSON object a line" if began else "printed nothing"
        raise Unreadable(f"{name} {told}")
    table = read_table(name, printed, site, now, _COLUMNS, "ok")
    if not table.samples:
        raise Unreadable(table.told())
    return table.samples
