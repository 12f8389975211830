"""Amounts that a source states itself, in devices or in some unit of FLOPS, by pool and rung."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from collectors.base import Unreadable
from collectors.matching import briefly, with_left_out
from collectors.reasons import LeftOut
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import MOST_PFLOPS, Refused, Sample
from suanli.model.units import PFLOPS_PER, Unit
from suanli.quality.marks import no_amount

_MOST_DEVICES = 1e8
_TOLD = 5


@dataclass(slots=True)
class Amounts:
    """What was found: (pool id, rung name) -> amount, None where the source has no number; and names of no pool.

    refused: numbers that are no amount with the reason, and how many elements said the same.
    """

    found: dict[tuple[str, str], float | None] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    refused: dict[tuple[str, str], Counter[tuple[str, str]]] = field(default_factory=dict)
    left_out: LeftOut = field(default_factory=lambda: defaultdict(float))

    def add(self, pool: str, rung: str, value: float | None) -> None:
        """Several elements of one pool add up; one that is missing or no amount makes the sum unknown."""
        before = self.found.get((pool, rung), 0.0)
        if value is not None and (why := no_amount(value)) is not None:
            self.refuse(pool, rung, value, why)
            value = None
        self.found[pool, rung] = None if value is None or before is None else before + value

    def refuse(self, pool: str, rung: str, value: float, why: str) -> None:
        """Keep a number beside the reason why it does not count."""
        self.refused.setdefault((pool, rung), Counter())[repr(value), why] += 1

    def limit(self, site: PolledSite, unit: Unit) -> None:
        """Refuse sums that no site has; each may be a sum of numbers that were believable."""
        for pool in site.pools:
            for rung in SAMPLE_RUNGS:
                value = self.found.get((pool.id, rung.name))
                if value is not None and (why := _beyond(value, unit, pool)) is not None:
                    self.refuse(pool.id, rung.name, value, why)
                    self.found[pool.id, rung.name] = None

    def told(self) -> Iterator[Refused]:
        """What was refused, briefly: a source whose thousands of devices each say -1 must not fill the record."""
        for (pool, rung), numbers in sorted(self.refused.items()):
            for (value, why), times in numbers.most_common(_TOLD):
                yield Refused(pool=pool, rung=rung, value=value, why=f"{why}, {times} times" if times > 1 else why)
            if len(numbers) > _TOLD:
                rest = numbers.total() - sum(times for _, times in numbers.most_common(_TOLD))
                yield Refused(pool=pool, rung=rung, value=f"and {rest} more", why="no amounts")


def number_of(value: object) -> float | None:
    """A number or a number's text; a missing one, a boolean and anything else is unknown.

    NaN, infinity, and whole numbers beyond any float are passed on, to be refused by their names.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
    except OverflowError:
        return math.inf if isinstance(value, int) and value > 0 else -math.inf


def samples_of_amounts(site: PolledSite, amounts: Amounts, unit: Unit, source_at: int, now: int) -> list[Sample]:
    """One sample a pool of which any rung is known; Unreadable when there is none."""
    amounts.limit(site, unit)
    refused = tuple(amounts.told())
    samples = [sample for pool in site.pools if (sample := _sample(site, pool, amounts, unit, source_at, now))]
    if not samples:
        seen = ", ".join(briefly(sorted(amounts.strangers)))
        said = "".join(f" ({one})" for one in [*refused[:1], *([f"found: {seen}"] if seen else [])])
        raise Unreadable(
            f"no pool of this site has a number in the answer{said}; check the queries and the pools' match"
        )
    samples = with_left_out(samples, amounts.left_out)
    return _with_refused(samples, refused) if refused else samples


def _with_refused(samples: list[Sample], refused: tuple[Refused, ...]) -> list[Sample]:
    """Each pool's sample with what was refused of it; the first with that of pools that have none, too."""
    own = {sample.pool for sample in samples}
    lost = tuple(one for one in refused if one.pool not in own)
    rows = [tuple(one for one in refused if one.pool == sample.pool) for sample in samples]
    rows[0] += lost
    return [sample.model_copy(update={"refused": row}) for sample, row in zip(samples, rows, strict=True)]


def _sample(
    site: PolledSite, pool: PolledPool, amounts: Amounts, unit: Unit, source_at: int, now: int
) -> Sample | None:
    asked = {rung.name: (pool.id, rung.name) for rung in SAMPLE_RUNGS}
    raw = {rung: amounts.found[key] for rung, key in asked.items() if key in amounts.found}
    if all(value is None for value in raw.values()):
        return None
    figures: dict[str, Any] = {rung.field: _pflops(raw.get(rung.name), unit, pool) for rung in SAMPLE_RUNGS}
    reasons = _reasons(pool, amounts, unit, raw)
    return Sample(
        site=site.id,
        pool=pool.id,
        at=source_at,
        source_at=source_at,
        fetched_at=now,
        **figures,
        quality="partial" if reasons else "ok",
        reason="; ".join(reasons),
        online_devices=raw.get("online") if unit == "devices" else None,
        used_devices=raw.get("used") if unit == "devices" else None,
    )


def _reasons(pool: PolledPool, amounts: Amounts, unit: Unit, raw: dict[str, float | None]) -> list[str]:
    reasons = [f"{rung} is no believable number" for rung, value in raw.items() if value is None]
    reasons += briefly(f"{name} matches no pool" for name in sorted(amounts.strangers))
    if unit == "devices" and pool.peak_pflops is None:
        reasons.append(f"no published peak for model {pool.model}")
    return reasons


def _beyond(value: float, unit: Unit, pool: PolledPool) -> str | None:
    if (_pflops(value, unit, pool) or 0.0) > MOST_PFLOPS:
        return f"more than {MOST_PFLOPS:g} PFLOPS"
    return f"more than {_MOST_DEVICES:g} devices" if unit == "devices" and value > _MOST_DEVICES else None


def _pflops(value: float | None, unit: Unit, pool: PolledPool) -> float | None:
    per = pool.peak_pflops if unit == "devices" else PFLOPS_PER[unit]
    return None if value is None or per is None else value * per
