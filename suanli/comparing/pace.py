"""How fast computing power has come of late: what was online, and what was used, at two instants of the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import fsum
from typing import Any, Literal, NamedTuple

from suanli.answers import View, iso
from suanli.comparing.sums import sums_by
from suanli.config import Config
from suanli.model.calendar import DAY
from suanli.model.compare import RatioMetric, Shortfall, days_at_pace
from suanli.model.rates import Terms
from suanli.model.units import Basis
from suanli.period_answers import AskedPeriod
from suanli.registry.timeline import Span
from suanli.store.samples import counter
from suanli.store.sql import Store

PACE_DAYS = 30


class Place(NamedTuple):
    """A pool as targets tell it from others."""

    site: str
    pool: str
    province: str
    operator: str
    basis: Basis


Places = Mapping[Place, Terms]


@dataclass(frozen=True, slots=True)
class Pace:
    """What was gained in the PACE_DAYS before `at` (UTC seconds), in PFLOPS; None is unknown.

    unheard: pools left out because nobody heard them, or because maintenance leaves them out, at one of the two.
    """

    at: int
    online: float | None
    used: float | None
    pools: int
    unheard: int


@dataclass(frozen=True, slots=True)
class Paced:
    """The pools at both ends of the PACE_DAYS before `at`; before: None where nothing is kept of that time."""

    at: int
    before: Places | None
    after: Places

    def pace(self, covers: Callable[[Place], bool]) -> Pace:
        """The gain of these pools. One that is expected at one end only begins, or ends, at 0."""
        ends = [_covered(end or {}, covers) for end in (self.before, self.after)]
        if self.before is None:
            return Pace(self.at, None, None, len(ends[1]), len(ends[1]))
        pairs = [(ends[0].get(name), ends[1].get(name)) for name in sorted(ends[0].keys() | ends[1].keys())]
        online = [_gain(_online(old), _online(new)) for old, new in pairs]
        used = [_gain(_used(old), _used(new)) for old, new in pairs]
        return Pace(self.at, _sum(online), _sum(used), len(pairs), online.count(None))


def paced(store: Store, config: Config, basis: Basis, at: int, view: View) -> Paced:
    """What the pools had at `at` and PACE_DAYS before, under this view of maintenance."""
    since, after = at - PACE_DAYS * DAY, _places(store, config, basis, at, view)
    with store.reading() as connection:
        kept = since >= counter(connection, "samples_from")
    return Paced(at, _places(store, config, basis, since, view) if kept else None, after)


def pace_row(pace: Pace) -> dict[str, Any]:
    return {
        "from": iso(pace.at - PACE_DAYS * DAY),
        "to": iso(pace.at),
        "days": PACE_DAYS,
        "online_pflops": pace.online,
        "used_pflops": pace.used,
        "pools": pace.pools,
        "pools_unheard": pace.unheard,
    }


def shortfall_row(lack: Shortfall | None, metric: RatioMetric, pace: Pace, seconds: int = 1) -> dict[str, Any]:
    """What is missing or left over, in PFLOPS (over a period their mean), and the days at this pace."""
    missing = None if lack is None else lack.missing / seconds
    return {
        "missing_pflops": missing,
        "surplus_pflops": None if lack is None else lack.surplus / seconds,
        "days_at_pace": _days(missing, pace, metric),
    }


def _days(missing: float | None, pace: Pace, metric: RatioMetric) -> float | Literal["never"] | None:
    """What is missing of online_ratio must come online; of the others it must be used."""
    return days_at_pace(missing, pace.online if metric == "online_ratio" else pace.used, PACE_DAYS)


def _places(store: Store, config: Config, basis: Basis, at: int, view: View) -> Places:
    """The pools that count at `at`, or would but for maintenance."""
    asked = AskedPeriod(at, at + 1, basis=basis, maintenance=view)
    found = sums_by(store, config, asked, place_name)
    return {
        place_of(name, basis): terms for name, terms in found.items() if terms.expected_count + terms.excluded_count
    }


def place_name(span: Span) -> tuple[str, ...]:
    """The name under which a pool's sums are kept apart."""
    return span.site, span.pool, span.province, span.operator


def place_of(name: tuple[str, ...], basis: Basis) -> Place:
    """The place of this `place_name`."""
    site, pool, province, operator = name
    return Place(site, pool, province, operator, basis)


def _covered(places: Places, covers: Callable[[Place], bool]) -> dict[tuple[str, str], Terms]:
    return {(one.site, one.pool): terms for one, terms in places.items() if covers(one)}


def _online(terms: Terms | None) -> float | None:
    if terms is None:
        return 0.0
    return terms.online if terms.heard_count else None


def _used(terms: Terms | None) -> float | None:
    if terms is None:
        return 0.0
    return terms.used if terms.told_count else None


def _gain(old: float | None, new: float | None) -> float | None:
    return None if old is None or new is None else new - old


def _sum(gains: list[float | None]) -> float | None:
    known = [gain for gain in gains if gain is not None]
    return fsum(known) if known else None
