"""The ledger as a listing."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from suanli.answers import iso
from suanli.listing.times import iso_or_none
from suanli.model.capacity import written
from suanli.store.histories import RecordedLine, ledger_lines
from suanli.store.registry import read_record
from suanli.store.sql import Store


def ledger_rows(
    store: Store,
    zone: ZoneInfo,
    site: str | None = None,
    *,
    at: int | None = None,
    as_of: int | None = None,
    everything: bool = False,
) -> list[dict[str, Any]]:
    """The lines of the ledger that count; days are those of `zone`, `pflops` is None where the peak is unknown.

    at: only those that hold at this second. as_of: as they were known then. everything: also those superseded.
    """
    with store.reading() as connection:
        record = read_record(connection, store.now if at is None else at, as_of)
        lines = ledger_lines(connection, as_of, everything=everything)
    places = {pool.key: (item.site.id, pool.pool.id) for item in record.sites for pool in item.pools}
    rows = [
        _ledger_row(places[line.pool_key], line, zone)
        for line in lines
        if line.pool_key in places and site in (None, places[line.pool_key][0]) and (at is None or line.entry.holds(at))
    ]
    return sorted(rows, key=lambda row: (row["site"], row["pool"]))


def _ledger_row(place: tuple[str, str], line: RecordedLine, zone: ZoneInfo) -> dict[str, Any]:
    entry = line.entry
    return {
        "id": line.id,
        "site": place[0],
        "pool": place[1],
        "stage": entry.stage,
        "from": str(written(entry.valid_from, zone)),
        "until": None if entry.valid_until is None else str(written(entry.valid_until, zone)),
        "devices": entry.devices,
        "pflops": entry.pflops,
        "basis": entry.basis,
        "reason": entry.reason,
        "source": entry.source,
        "recorded_at": iso(line.recorded_at),
        "superseded_at": iso_or_none(line.superseded_at),
    }
