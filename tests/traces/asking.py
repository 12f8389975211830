"""The product's own hours of a trace that it imported: from samples, and from what is summed of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from suanli.store.rollup import Retention, let_go, roll
from tests.suanli.making import ZONE, open_store
from tests.suanli.running import Ended, suanli

HOUR = 3600
Hours = dict[tuple[str, int], dict[str, Any]]
"""The points of `suanli history`, by pool and UTC second of the hour's start."""


def imported(folder: Path, sites: str, file: str) -> Ended:
    """The sites registered and the file imported, by the commands."""
    (folder / "sites.yaml").write_text(sites, encoding="utf-8")
    assert suanli(folder, "apply", "sites.yaml").code == 0
    return suanli(folder, "import", file, "--json")


def hours(folder: Path, start: int, end: int) -> Hours:
    """`suanli history` by hour and pool of the whole hours that [start, end) reaches into."""
    edges = (start // HOUR * HOUR, -(-end // HOUR) * HOUR)
    since, until = (datetime.fromtimestamp(edge, UTC).isoformat() for edge in edges)
    ended = suanli(folder, "history", "--from", since, "--to", until, "--every", "1h", "--by", "pool", "--json")
    assert (ended.code, ended.err) == (0, "")
    return {
        (one["group"].partition("/")[2], int(datetime.fromisoformat(point["from"]).timestamp())): point
        for one in ended.data["series"]
        for point in one["points"]
    }


def only_sums_stay(folder: Path) -> None:
    """Every hour and day summed, and every sample let go: what is answered from now on is answered from the sums."""
    store = open_store(f"sqlite:///{folder}/suanli.db")
    try:
        assert roll(store, ZONE) > 0
        assert let_go(store, Retention(samples=0), ZONE) > 0
        with store.reading() as connection:
            assert connection.exec_driver_sql("SELECT COUNT(*) FROM samples").scalar_one() == 0
    finally:
        store.close()


def parts(pflops_hours: float, peak: float, whole: int) -> int:
    """PFLOPS-hours as seconds of so many parts of one device; they are whole but for the rounding of floats."""
    found = pflops_hours * HOUR / peak * whole
    assert abs(found - round(found)) < 0.01
    return round(found)
