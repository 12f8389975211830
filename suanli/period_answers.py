"""Rates over a period and series of them, in one shape for the command line and the API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from suanli.answers import KEYS, GroupBy, benchmark_row, benchmarks_at, iso, named_operators, target_row, targets_of
from suanli.answers import View as View
from suanli.config import Config
from suanli.model.calendar import Every, cuts
from suanli.model.errors import InputError, Problem, SuanliError
from suanli.model.message import Message
from suanli.model.metric import RUNGS
from suanli.model.rates import Rates, Terms, rates_from, total
from suanli.model.target import Target
from suanli.model.units import CANONICAL_BASIS, Basis, duration_text
from suanli.registry.timeline import Span, Timeline, run_by
from suanli.store import schema
from suanli.store.levels import Period
from suanli.store.maintenance import under_maintenance
from suanli.store.means import Means, means
from suanli.store.periods import Name, Sums, sums
from suanli.store.registry import read_record
from suanli.store.samples import counter, reach_of
from suanli.store.sql import Store

MOST_POINTS = 100_000
"""Points of all series together that one answer holds."""
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class AskedPeriod:
    """lo, hi, as_of: UTC seconds, hi exclusive; as_of None: all that is recorded. means: the means of rates too.

    operators: only what these operate, second by second; None: all.
    """

    lo: int
    hi: int
    by: GroupBy = "site"
    basis: Basis = CANONICAL_BASIS
    as_of: int | None = None
    maintenance: View = "include"
    means: bool = False
    operators: frozenset[str] | None = None

    @property
    def seconds(self) -> int:
        return self.hi - self.lo


class _Place(NamedTuple):
    """A group's part in one place, as targets tell places apart."""

    group: str
    site: str
    province: str
    operator: str
    basis: Basis


_Placed = list[tuple[_Place, Terms]]


@dataclass(frozen=True, slots=True)
class _Record:
    """What was asked for, and its pools through time: as they are, and as maintenance leaves them."""

    connection: Connection
    asked: AskedPeriod
    zone: ZoneInfo
    plain: list[Timeline]
    policy: list[Timeline]

    @property
    def shown(self) -> list[Timeline]:
        return self.policy if self.asked.maintenance == "policy" else self.plain

    @property
    def spans(self) -> Iterator[Span]:
        """All that lies in the period."""
        return (span for timeline in self.plain for span in timeline.within(self.asked.lo, self.asked.hi))

    def period(self, edges: list[int], basis: Basis | None = None) -> Period:
        return Period(edges, self.zone, basis or self.asked.basis, self.asked.as_of)

    def placed(self, timelines: list[Timeline], basis: Basis) -> _Placed:
        """The sums over the whole period, by group and place."""
        key, edges = KEYS[self.asked.by], [self.asked.lo, self.asked.hi]

        def name(span: Span) -> Name:
            return key(span), span.site, span.province, span.operator

        found = sums(self.connection, timelines, self.period(edges, basis), name)
        return [
            (_Place(group, site, province, operator, basis), terms)
            for (_, (group, site, province, operator)), terms in found.items()
        ]


def period_answer(store: Store, asked: AskedPeriod, config: Config) -> dict[str, Any]:
    """Ratios of PFLOPS-hours over [lo, hi), for the fleet and by group; unknown and undefined are None.

    Targets are judged as maintenance leaves the pools, whichever view is asked for: rule 7. Raises SuanliError for
    what cannot be told any more, because its samples are gone.
    """
    with store.reading() as connection:
        record = _read(connection, asked, config.zone)
        found = record.placed(record.shown, asked.basis)
        targets = targets_of(config, asked.operators, record.spans)
        judged = _judged(record, found, targets)
        middle = _means(record) if asked.means else {}
    groups: defaultdict[str, _Placed] = defaultdict(list)
    for place, terms in found:
        groups[place.group].append((place, terms))
    fleet = _rates(found, asked.seconds)
    return {
        "from": iso(asked.lo),
        "to": iso(asked.hi),
        "as_of": iso(store.now if asked.as_of is None else asked.as_of),
        "basis": asked.basis,
        "maintenance": asked.maintenance,
        **named_operators(asked.operators),
        "fleet": _row(found, asked, middle.get(())),
        "groups": [
            {asked.by: name, **_row(parts, asked, middle.get((name,)))} for name, parts in sorted(groups.items())
        ],
        "benchmarks": [benchmark_row(one, fleet, asked.basis) for one in benchmarks_at(config, asked.hi - 1)],
        "targets": [
            target_row(target, _rates([one for one in judged if target.covers(one[0])], asked.seconds))
            for target in targets
        ],
    }


def history_answer(
    store: Store, asked: AskedPeriod, every: Every, config: Config, *, fleet: bool = False
) -> dict[str, Any]:
    """The same, piece by piece: a list of points for the fleet, or for each group.

    Raises InputError for more than MOST_POINTS of them.
    """
    key: Callable[[Span], str] = (lambda _: "") if fleet else KEYS[asked.by]
    _check_pieces(asked, every)
    edges = cuts(asked.lo, asked.hi, every, config.zone)
    with store.reading() as connection:
        record = _read(connection, asked, config.zone)
        names = [""] if fleet else _names(record.shown, asked, key)
        _check_points((len(edges) - 1) * len(names), every)
        found = sums(connection, record.shown, record.period(edges), lambda span: (key(span),))
    return {
        "from": iso(asked.lo),
        "to": iso(asked.hi),
        "every": every if every == "month" else duration_text(every),
        "as_of": iso(store.now if asked.as_of is None else asked.as_of),
        "basis": asked.basis,
        "maintenance": asked.maintenance,
        **named_operators(asked.operators),
        "by": None if fleet else asked.by,
        "series": [{"group": None if fleet else name, "points": _points(found, name, edges)} for name in names],
    }


def _read(connection: Connection, asked: AskedPeriod, zone: ZoneInfo) -> _Record:
    plain = list(read_record(connection, asked.hi, asked.as_of).timelines.values())
    policy = under_maintenance(connection, plain, asked.lo, asked.hi, zone, asked.as_of)
    return _Record(connection, asked, zone, run_by(plain, asked.operators), run_by(policy, asked.operators))


def _judged(record: _Record, shown: _Placed, targets: Iterable[Target]) -> _Placed:
    """The sums that these targets are judged by, each basis once; those that are shown where they are the same."""
    same = record.shown == record.policy
    judged: _Placed = []
    for basis in sorted({target.basis for target in targets}):
        again = same and basis == record.asked.basis
        judged += shown if again else record.placed(record.policy, basis)
    return judged


def _means(record: _Record) -> dict[Name, Means]:
    asked, key = record.asked, KEYS[record.asked.by]
    since = counter(record.connection, "samples_from")
    if since > asked.lo:
        raise SuanliError(
            Message(
                "a mean of rates is followed from sample to sample, and samples exist only since {since}: ask for "
                "it from then on, or leave it out",
                since=iso(since),
            )
        )
    # Before anything was told no rate is defined, and nothing needs to be looked through.
    lo = min(max(asked.lo, _first_told(record.connection, asked.hi)), asked.hi)
    period = record.period([lo, asked.hi])
    groups = means(record.connection, record.shown, period, lambda span: (key(span),))
    return groups | means(record.connection, record.shown, period, lambda _: ())


def _first_told(connection: Connection, otherwise: int) -> int:
    """No word that is kept was true before this second."""
    tables = (schema.samples, schema.replaced)
    slots = [connection.execute(select(func.min(table.c.at))).scalar() for table in tables]
    return min((int(slot) for slot in slots if slot is not None), default=otherwise) - reach_of(connection)


def _check_pieces(asked: AskedPeriod, every: Every) -> None:
    """Before they are made: a century has three thousand million seconds."""
    if every != "month":
        _check_points(asked.seconds // every, every)


def _check_points(points: int, every: Every) -> None:
    if points > MOST_POINTS:
        width = every if every == "month" else duration_text(every)
        raise InputError(
            Problem(
                Message(
                    "{points:,} points by {width} are more than {most:,}: choose wider pieces, a shorter period, or "
                    "fewer groups",
                    points=points,
                    width=width,
                    most=MOST_POINTS,
                ),
                key="every",
            )
        )


def _names(timelines: Iterable[Timeline], asked: AskedPeriod, key: Callable[[Span], str]) -> list[str]:
    spans = (span for timeline in timelines for span in timeline.within(asked.lo, asked.hi))
    return sorted({key(span) for span in spans if span.basis == asked.basis})


def _all(parts: _Placed) -> Terms:
    return total([terms for _, terms in parts]) if parts else Terms()


def _rates(parts: _Placed, seconds: int) -> Rates:
    expected = {place.site for place, terms in parts if terms.expected_count}
    heard = {place.site for place, terms in parts if terms.heard_count}
    return rates_from(_all(parts), len(expected), len(heard), seconds)


def _row(parts: _Placed, asked: AskedPeriod, middle: Means | None) -> dict[str, Any]:
    rates = _rates(parts, asked.seconds)
    row = asdict(rates) | _over_time(rates, _all(parts), asked.seconds)
    return row | (asdict(middle or Means(None, None)) if asked.means else {})


def _over_time(rates: Rates, terms: Terms, seconds: int) -> dict[str, Any]:
    """What only a period has: PFLOPS-hours, the share of time that was heard, and what maintenance took out."""
    hours = {f"{rung.field}_hours": _hours(getattr(rates, rung.field), seconds) for rung in RUNGS}
    whole = terms.built + terms.excluded
    return {
        **hours,
        "time_coverage_ratio": terms.heard_count / terms.expected_count if terms.expected_count else None,
        "excluded_pflops_hours": terms.excluded / _HOUR,
        "excluded_ratio": terms.excluded / whole if whole else None,
    }


def _hours(mean: float | None, seconds: int) -> float | None:
    return None if mean is None else mean * seconds / _HOUR


def _points(found: Sums, name: str, edges: list[int]) -> list[dict[str, Any]]:
    return [_point(found.get((piece, (name,)), Terms()), *edges[piece : piece + 2]) for piece in range(len(edges) - 1)]


def _point(terms: Terms, lo: int, hi: int) -> dict[str, Any]:
    rates = rates_from(terms, 0, 0, hi - lo)
    plain = {name: value for name, value in asdict(rates).items() if not name.startswith("sites_")}
    return {"from": iso(lo), "to": iso(hi), **plain, **_over_time(rates, terms, hi - lo)}
