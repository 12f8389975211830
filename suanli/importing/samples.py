"""What the columns of a file of history mean, and the samples that they make.

    site, pool   registered ids
    at           when it was true: ISO 8601 (without an offset: in the configured zone) or whole UTC seconds
    online_pflops, used_pflops, busy_pflops
                 PFLOPS in the pool's basis; empty, null or no column: unknown, which is not 0
    online_devices, used_devices, busy_devices
                 devices, fractions too; they become PFLOPS by the catalogue's peak of the pool's model, unless
                 the row gives these PFLOPS itself. Without a published peak the PFLOPS are unknown and the
                 sample is `partial`
    max_age      for how long the row's word holds when no later one comes, such as 1h; else the site's own
    quality      ok, estimated or declared; else declared
    reason       a remark, kept with the sample

Fractions of a second are cut off. A row without any figure says that from then on nothing is known.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from suanli.catalog.accelerators import Accelerators
from suanli.model.errors import Problem
from suanli.model.message import Message
from suanli.model.sample import Sample
from suanli.model.site import Pool, Site
from suanli.store.registry import RecordedSite
from suanli.tables.cells import parsers
from suanli.tables.figures import cells_of, figures_of
from suanli.tables.files import read_rows
from suanli.tables.rows import Problems, Row, Spot

EVERY = 100_000
"""Rows between two words on how far we are."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A registered pool: PFLOPS of one device (None: unpublished), its site's max_age, and the times already read."""

    site: Site
    pool: Pool
    peak: float | None
    max_age: int
    seen: dict[int, Spot] = field(default_factory=dict)


def read_samples(
    paths: Iterable[Path],
    registry: list[RecordedSite],
    catalogue: Accelerators,
    zone: ZoneInfo,
    now: int,
    max_age_of: Callable[[Site], int],
    told: Callable[[str], None] = lambda _: None,
) -> list[Sample]:
    """All rows of these files as samples, in their order; now: UTC seconds.

    Nobody knows when they were fetched, so that counts as the time that they are of. Raises InputError, listing what is
    wrong in every file; a place that is not registered is told once, at its first row. `told` hears how far a long file
    has been read.
    """
    problems = Problems()
    reader = _Reader(_places(registry, catalogue, max_age_of), zone, now, problems)
    samples: list[Sample] = []
    for path in paths:
        for count, row in enumerate(read_rows(path, problems), 1):
            if (sample := reader.sample(row)) is not None:
                samples.append(sample)
            if count % EVERY == 0:
                told(Message("{file}: {count:,} rows read", file=path, count=count))
    problems.raise_any()
    return samples


def _places(
    registry: list[RecordedSite], catalogue: Accelerators, max_age_of: Callable[[Site], int]
) -> dict[tuple[str, str], _Place]:
    return {
        (item.site.id, pool.pool.id): _Place(item.site, pool.pool, _peak(pool.pool, catalogue), max_age_of(item.site))
        for item in registry
        for pool in item.pools
    }


def _peak(pool: Pool, catalogue: Accelerators) -> float | None:
    row = catalogue.find(pool.model)
    return row.peak_pflops(pool.basis) if row else None


class _Reader:
    """Turns rows into samples; what is wrong with a row is added to the problems, all of it."""

    def __init__(self, places: dict[tuple[str, str], _Place], zone: ZoneInfo, now: int, problems: Problems) -> None:
        self._places = places
        self._unknown: set[tuple[str, str]] = set()
        self._problems = problems
        self._parsers = parsers(zone, now)

    def sample(self, row: Row) -> Sample | None:
        """The row's sample; None where something in the row is wrong."""
        place = self._place(row)
        cells = cells_of(row, self._parsers, self._problems)
        if "at" not in cells:
            self._problems.add(row.spot.problem(Message("expected a time"), "at"))
        if place is None or cells.get("at") is None or not self._first(row, place, cells["at"]):
            return None
        return self._made(row, place, cells)

    def _place(self, row: Row) -> _Place | None:
        named = str(row.values["site"] or ""), str(row.values["pool"] or "")
        place = self._places.get(named)
        if place is None and named not in self._unknown:
            self._unknown.add(named)
            self._problems.add(self._stranger(row.spot, *named))
        return place

    def _stranger(self, spot: Spot, site: str, pool: str) -> Problem:
        if self._problems.full:  # looking for near names is slow, and a wrong file has many strange ones
            return spot.problem(Message("is not registered"), "site")
        pools = [known for of, known in self._places if of == site]
        if pools:
            return spot.problem(
                Message(
                    "site {site} has no pool {pool!r}; {nearest}", site=site, pool=pool, nearest=_nearest(pool, pools)
                ),
                "pool",
            )
        sites = list(dict.fromkeys(of for of, _ in self._places))
        return spot.problem(
            Message("no site {site!r} with pools is registered; {nearest}", site=site, nearest=_nearest(site, sites)),
            "site",
        )

    def _first(self, row: Row, place: _Place, at: int) -> bool:
        before = place.seen.setdefault(at, row.spot)
        if before is row.spot:
            return True
        self._problems.add(
            row.spot.problem(Message("this pool already has a row for this time: {before}", before=before), "at")
        )
        return False

    def _made(self, row: Row, place: _Place, cells: dict[str, Any]) -> Sample | None:
        figures = figures_of(row, cells, place.pool.model, place.peak, self._problems, "declared")
        if self._problems:
            return None
        return Sample(
            site=place.site.id,
            pool=place.pool.id,
            at=cells["at"],
            source_at=cells["at"],
            fetched_at=cells["at"],
            max_age=cells.get("max_age", place.max_age),
            **figures,
        )


def _nearest(text: str, known: list[str]) -> str:
    close = difflib.get_close_matches(text, known, n=3, cutoff=0.5)
    return (
        Message("nearest: {known}", known=", ".join(close))
        if close
        else Message("suanli apply registers sites and pools")
    )
