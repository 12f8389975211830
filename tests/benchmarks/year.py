"""A year of a fleet in a real store: hours of every pool, and for its last months the minute samples of some sites.

Hours are written straight into their table, as nobody waits for a year of samples; samples come through
`Store.append`, and the product itself sums the hours that these touch, and every day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.model.calendar import DAY, HOUR
from suanli.model.capacity import CapacityEntry
from suanli.model.sample import Sample
from suanli.model.site import Pool, Site
from suanli.store.plan import plan
from suanli.store.rollup import GRACE, TALLY_COLUMNS, Retention, let_go, roll
from suanli.store.samples import counter
from suanli.store.sql import Store

CONFIG = Config()
POOLS = 2
START = int(datetime(2025, 1, 1, tzinfo=CONFIG.zone).timestamp())
_MINUTE = 60
_BUILT = 400.0
_COLUMNS = ("pool_key", "start", *TALLY_COLUMNS)
_HOUR = f"INSERT INTO hours ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_KEEP = Retention(samples=None, hours=None)


@dataclass(frozen=True, slots=True)
class Size:
    """sites: of two pools each, with hours for so many days; sampled_sites: with samples of the last sampled_days."""

    sites: int
    days: int
    sampled_sites: int
    sampled_days: int

    @property
    def end(self) -> int:
        return START + self.days * DAY

    @property
    def sampled_from(self) -> int:
        return self.end - self.sampled_days * DAY


def size_of(scale: float) -> Size:
    """The whole year at 1; less of everything below, but never nothing."""
    return Size(*(max(least, round(whole * scale)) for whole, least in ((200, 2), (365, 3), (20, 1), (90, 1))))


class Clock:
    """A store's clock, set by hand: the year is made in minutes."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> float:
        return float(self.now)


@dataclass(slots=True)
class Year:
    """samples: how many were appended. bytes_before: size of the database without them, and with all else."""

    store: Store
    clock: Clock
    size: Size
    file: Path
    samples: int = 0
    bytes_before: int = 0

    def bytes_more(self) -> int:
        """By how much the file has grown with the samples; nothing waits in its log."""
        with self.store.reading() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.file.stat().st_size - self.bytes_before


def make_year(folder: Path, size: Size) -> Year:
    """A store with all of it, everything summed that can be."""
    file, clock = folder / "year.db", Clock(START)
    store = Store(f"sqlite:///{file}", clock)
    sites = [_site(number) for number in range(size.sites)]
    store.apply(plan(store.registry, sites, CONFIG.zone, load_accelerators()), 0)
    year = Year(store, clock, size, file)
    _write_hours(year)
    clock.now = size.end + GRACE
    roll(store, CONFIG.zone)
    year.bytes_before = _bytes_used(store)
    for day in range(size.sampled_from, size.end, DAY):
        _append_day(year, day)
    return year


def samples_of(site: int, start: int, until: int) -> Iterator[Sample]:
    """What this site is asked in [start, until), minute by minute; now and then it does not answer."""
    for at in range(start, until, _MINUTE):
        for pool in range(POOLS):
            if not is_missing(site, pool, at):
                yield sample(site, pool, at)


def is_missing(site: int, pool: int, at: int) -> bool:
    """Single minutes, and the first twenty of some hours."""
    number = at // _MINUTE + 7 * site + 3 * pool
    return number % 97 == 0 or (at % HOUR < 20 * _MINUTE and (at // HOUR + site) % 41 == 0)


def sample(site: int, pool: int, at: int, fetched_at: int | None = None) -> Sample:
    """Two figures and no `busy`; asked some seconds into the minute, and told a second later unless said otherwise."""
    number, source_at = at // _MINUTE + 31 * site + 17 * pool, at + site % 50
    online = round(_BUILT * (0.75 + number * 7 % 211 / 1000), 3)
    return Sample(
        site=_site_id(site),
        pool=_pool_id(pool),
        at=at,
        source_at=source_at,
        fetched_at=source_at + 1 if fetched_at is None else fetched_at,
        online_pflops=online,
        used_pflops=round(online * (0.4 + number * 11 % 307 / 1000), 3),
    )


def append_hour(year: Year, sites: int, start: int) -> int:
    """The samples of this hour in one transaction at its end; how many. So a record's lag takes two bytes, not none."""
    year.clock.now = start + HOUR
    return year.store.append([one for site in range(sites) for one in samples_of(site, start, start + HOUR)])


def _append_day(year: Year, day: int) -> None:
    """A day as the service lives it: samples come, hours and then the day are summed, what was delivered goes."""
    for start in range(day, day + DAY, HOUR):
        year.samples += append_hour(year, year.size.sampled_sites, start)
    year.clock.now = day + DAY + GRACE
    roll(year.store, CONFIG.zone)
    with year.store.reading() as connection:
        delivered = counter(connection, "sample_seq")
    let_go(year.store, _KEEP, CONFIG.zone, delivered)


def _write_hours(year: Year) -> None:
    for key in sorted(year.store.timelines):
        with year.store.writing() as connection:
            connection.exec_driver_sql(_HOUR, list(_hours(key, year.size.end)))


def _hours(key: int, end: int) -> Iterator[tuple[Any, ...]]:
    """A pool's hours, in the order of the columns; some are missing, some were heard for the half only."""
    for start in range(START, end, HOUR):
        number = start // HOUR + 13 * key
        if number % 97:
            seconds = HOUR // 2 if number % 53 == 0 else HOUR
            online = round(_BUILT * (0.75 + number * 7 % 211 / 1000), 3)
            used = round(online * (0.4 + number * 11 % 307 / 1000), 3)
            told = (online * seconds, used * seconds, online * seconds, 0.0, 0.0)
            ends = (online - 1.5, online + 1.5, used - 2.5, used + 2.5, None, None)
            yield key, start, seconds, seconds, seconds, 0, 0, *told, *ends, start + HOUR + 1


def _bytes_used(store: Store) -> int:
    """The size of the database, less what is free in it."""
    with store.reading() as connection:
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in names)
    return int((pages - free) * size)


def _site(number: int) -> Site:
    built = {"from": "2024-09-01", "stage": "built", "pflops": _BUILT, "source": "benchmark"}
    entry = CapacityEntry.model_validate(built, strict=False)
    pools = tuple(Pool(id=_pool_id(pool), model="nvidia-a100-sxm4-80gb", capacity=(entry,)) for pool in range(POOLS))
    return Site(id=_site_id(number), name=f"智算中心 {number}", province="安徽", operator="示例", pools=pools)


def _site_id(number: int) -> str:
    return f"site-{number:03}"


def _pool_id(number: int) -> str:
    return f"pool-{number}"
