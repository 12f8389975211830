"""What is pushed -> samples. Pure. One that is wrong is told with its place, and then there is none at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.pushed import Pushed, PushedSample
from suanli.model.sample import MOST_PFLOPS, Refused, Sample, worst
from suanli.quality.marks import no_amount

_MOST = {"pflops": MOST_PFLOPS, "devices": 1e8}
_UNITS = tuple(_MOST)


def parse(pushed: Pushed, site: PolledSite, now: int) -> list[Sample]:
    """The samples in their order; an InputError lists what is wrong, each under `samples[0]` and so on."""
    pools = {pool.id: pool for pool in site.pools}
    problems = [
        Problem(told, key=f"samples[{place}]{field}")
        for place, one in enumerate(pushed.samples)
        for field, told in _faults(one, pools)
    ]
    if problems:
        raise InputError(problems)
    return [_sample(site, pools[one.pool], one, now) for one in pushed.samples]


def _faults(one: PushedSample, pools: dict[str, PolledPool]) -> Iterator[tuple[str, str]]:
    strange = next((name for name in (one.pool, *(other.pool for other in one.refused)) if name not in pools), None)
    if strange is not None:
        known = ", ".join(pools) or Message("none")
        yield ".pool", Message("this site has no pool {pool!r}; it has {known}", pool=strange, known=known)
    told = _told(one)
    if not told:
        yield "", Message("tells no figure: leave it out, which says that nothing is known")
    elif all(_fault(unit, value) for unit, _, value in told):
        unit, rung, value = told[0]
        yield "", Message("tells no figure that could be one: {rung} is {value:.17g}: {why}",
                          rung=rung, value=value, why=_fault(unit, value))  # fmt: skip


def _told(one: PushedSample) -> list[tuple[str, str, float]]:
    """Unit, rung and number of all that it tells."""
    names = [(unit, rung.name) for unit in _UNITS for rung in SAMPLE_RUNGS]
    return [(unit, rung, value) for unit, rung in names if (value := getattr(one, f"{rung}_{unit}")) is not None]


def _fault(unit: str, value: float) -> str | None:
    """Why this number is no amount."""
    return no_amount(value) or (f"more than {_MOST[unit]:g} {unit}" if value > _MOST[unit] else None)


def _sample(site: PolledSite, pool: PolledPool, one: PushedSample, now: int) -> Sample:
    refused = [Refused(**figure.model_dump()) for figure in one.refused]
    amounts: dict[tuple[str, str], float] = {}
    for unit, rung, value in _told(one):
        if why := _fault(unit, value):
            refused.append(Refused(pool=pool.id, rung=rung, value=repr(value), why=why))
        else:
            amounts[unit, rung] = abs(value)  # -0.0 is 0
    figures: dict[str, Any] = {rung.field: _pflops(pool, amounts, refused, rung.name) for rung in SAMPLE_RUNGS}
    reasons = list(_reasons(pool, one, amounts, refused))
    return Sample(
        site=site.id,
        pool=pool.id,
        at=one.at,
        source_at=one.at,
        fetched_at=one.fetched_at or now,
        online_devices=amounts.get(("devices", "online")),
        used_devices=amounts.get(("devices", "used")),
        quality=worst([one.quality, "partial"]) if reasons else one.quality,
        reason="; ".join(filter(None, (one.reason, *reasons))),
        refused=tuple(refused),
        **figures,
    )


def _pflops(pool: PolledPool, amounts: dict[tuple[str, str], float], refused: list[Refused], rung: str) -> float | None:
    """As given; else of the devices, whose product may be more than there is, too."""
    given, devices = amounts.get(("pflops", rung)), amounts.get(("devices", rung))
    if given is not None or devices is None or pool.peak_pflops is None:
        return given
    pflops = devices * pool.peak_pflops
    if why := _fault("pflops", pflops):
        refused.append(Refused(pool=pool.id, rung=rung, value=repr(devices), why=why))
        return None
    return pflops


def _reasons(
    pool: PolledPool, one: PushedSample, amounts: dict[tuple[str, str], float], refused: list[Refused]
) -> Iterator[str]:
    """Why something of it is missing, as far as whoever asked the source has not said so already."""
    known = len(one.refused)
    for rung in dict.fromkeys(figure.rung for figure in refused[known:]):
        yield f"{rung} is no believable number"
    bare = [rung for unit, rung in amounts if unit == "devices" and ("pflops", rung) not in amounts]
    unpublished = f"no published peak for model {pool.model}"
    if bare and pool.peak_pflops is None and unpublished not in one.reason:
        yield unpublished
