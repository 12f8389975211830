"""Rows of a table -> samples of a site's pools; written once for every source that is told in rows. Pure."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

from collectors.matching import pool_of
from suanli.model.errors import Problem
from suanli.model.message import Message
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Quality, Sample, worst
from suanli.tables.cells import parsers
from suanli.tables.figures import cells_of, figures_of
from suanli.tables.files import rows_in
from suanli.tables.rows import FIGURES, Columns, Problems, Row

COLUMNS = ("site", "pool", "at", *FIGURES, "quality", "reason")
_TOLD = 3
_LONGEST = 120


@dataclass(slots=True)
class Table:
    """What one table says. problems: every row that is wrong, with its line."""

    name: str
    samples: list[Sample] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def told(self) -> str:
        """The first problems, briefly."""
        first = [one[:_LONGEST] for one in self.problems[:_TOLD]]
        more = len(self.problems) - len(first)
        return "; ".join([*first, f"and {more} more"] if more else first)


def read_table(
    name: str, data: bytes, site: PolledSite, now: int, columns: Columns, quality: Quality, sheet: str | None = None
) -> Table:
    """The good rows as samples, in the order of their times; if a row is wrong, all of them are partial and say so.

    name: as the table is told; quality: of a row that does not say its own.
    """
    found, problems = _Found(site, now, quality), Problems(most=1000)
    for row in rows_in(name, io.BytesIO(data), problems, columns, sheet):
        found.add(row, problems)
    table = Table(name, sorted(found.samples, key=lambda one: one.source_at), problems.lines())
    if not table.samples and not table.problems:
        table.problems.append(f"{name}: has no rows")
    return _partial(table) if table.problems else table


def _partial(table: Table) -> Table:
    why = table.told()
    samples = [
        one.model_copy(
            update={"quality": worst([one.quality, "partial"]), "reason": "; ".join(filter(None, (one.reason, why)))}
        )
        for one in table.samples
    ]
    return Table(table.name, samples, table.problems)


class _Found:
    def __init__(self, site: PolledSite, now: int, quality: Quality) -> None:
        self._site, self._now, self._quality = site, now, quality
        self._parsers = {key: one for key, one in parsers(site.zone, now).items() if key in COLUMNS}
        self._seen: dict[tuple[str, int], str] = {}
        self.samples: list[Sample] = []

    def add(self, row: Row, problems: Problems) -> None:
        wrong = Problems()
        sample = self._sample(row, wrong)
        for problem in wrong.kept:
            problems.add(problem)
        if sample is not None and not wrong:
            self.samples.append(sample)

    def _sample(self, row: Row, wrong: Problems) -> Sample | None:
        pool = self._pool(row, wrong)
        cells = cells_of(row, self._parsers, wrong)
        at = cells.get("at", self._now)
        if pool is None or at is None:
            return None
        self._check(row, cells, pool, at, wrong)
        figures = figures_of(row, cells, pool.model, pool.peak_pflops, wrong, self._quality)
        if wrong:
            return None
        self._seen[pool.id, at] = str(row.spot)
        return Sample(site=self._site.id, pool=pool.id, at=at, source_at=at, fetched_at=self._now, **figures)

    def _pool(self, row: Row, wrong: Problems) -> PolledPool | None:
        site, name = row.values.get("site"), str(row.values.get("pool") or "")
        if site not in (None, "", self._site.id):
            wrong.add(_problem(row, Message("is of another site than {site}", site=self._site.id), "site"))
        pool = pool_of(self._site, "pool", name)
        if pool is None:
            known = ", ".join(one.id for one in self._site.pools)
            told = Message("{name!r} is no pool of this site ({known})", name=name[:60], known=known)
            wrong.add(_problem(row, told, "pool"))
        return pool

    def _check(self, row: Row, cells: dict[str, Any], pool: PolledPool, at: int, wrong: Problems) -> None:
        if not set(cells) & set(FIGURES):
            wrong.add(_problem(row, Message("has no figure")))
        if before := self._seen.get((pool.id, at)):
            told = Message("this pool already has a row for this time: {before}", before=before)
            wrong.add(_problem(row, told, "at"))


def _problem(row: Row, message: str, column: str = "") -> Problem:
    return row.spot.problem(message, column)
