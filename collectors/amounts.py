"""Amounts that a source states itself, in devices or in some unit of FLOPS, by pool and rung."""

from __future__ import annotations

from dataclasses import dataclass, field

from collectors.base import Unreadable
from collectors.matching import briefly
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.units import PFLOPS_PER, Unit

_MOST_DEVICES = 1e8
_MOST_PFLOPS = 1e6
_NO_VALUE = frozenset({2.0**63, 2.0**64})
"""What 64-bit "no value" marks become as floats: 9.2e18 FLOPS could pass for 9.2 EFLOPS."""


@dataclass(slots=True)
class Amounts:
    """What was found: (pool id, rung name) -> amount, None where the source has no number; and names of no pool."""

    found: dict[tuple[str, str], float | None] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)

    def add(self, pool: str, rung: str, value: float | None) -> None:
        """Several elements of one pool add up; one that is no amount (-1 for "no value") makes the sum unknown."""
        before = self.found.get((pool, rung), 0.0)
        self.found[pool, rung] = None if value is None or value < 0 or before is None else before + value


def samples_of_amounts(site: PolledSite, amounts: Amounts, unit: Unit, source_at: int, now: int) -> list[Sample]:
    """One sample a pool of which any rung is known; Unreadable when there is none."""
    samples = [
        sample for pool in site.pools if (sample := _sample(site, pool, amounts, unit, source_at, now)) is not None
    ]
    if not samples:
        raise Unreadable("no pool of this site has a number in the answer; check the queries and the pools' match")
    return samples


def _sample(
    site: PolledSite, pool: PolledPool, amounts: Amounts, unit: Unit, source_at: int, now: int
) -> Sample | None:
    asked = {rung.name: (pool.id, rung.name) for rung in SAMPLE_RUNGS}
    raw = {rung: _sane(amounts.found[key], unit) for rung, key in asked.items() if key in amounts.found}
    if all(value is None for value in raw.values()):
        return None
    reasons = _reasons(pool, amounts, unit, raw)
    return Sample(
        site=site.id,
        pool=pool.id,
        at=source_at,
        source_at=source_at,
        fetched_at=now,
        **{rung.field: _pflops(raw.get(rung.name), unit, pool) for rung in SAMPLE_RUNGS},
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


def _sane(value: float | None, unit: Unit) -> float | None:
    """Negative numbers and sentinels (9.2e18 for "no value") are not amounts."""
    if value is None or value in _NO_VALUE:
        return None
    most = _MOST_DEVICES if unit == "devices" else _MOST_PFLOPS / PFLOPS_PER[unit]
    return value if 0 <= value <= most else None


def _pflops(value: float | None, unit: Unit, pool: PolledPool) -> float | None:
    if value is None:
        return None
    per = pool.peak_pflops if unit == "devices" else PFLOPS_PER[unit]
    return None if per is None else value * per
