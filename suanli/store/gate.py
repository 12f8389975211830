"""What comes is judged before it is recorded, beside what the record knows of its pool: rule 10."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from suanli.catalog.accelerators import load_accelerators
from suanli.model.sample import Sample
from suanli.model.units import Basis
from suanli.quality.base import Held, Known
from suanli.quality.entrance import examined
from suanli.quality.figures import JUMP_SHARE, sentinel
from suanli.quality.scale import SPARSE, THOUSAND
from suanli.registry.timeline import Span, Timeline
from suanli.store.samples import HOUR, Keyed

CLOSED = "closed"
CLOSED_WHY = "The samples of its hour were let go after they were summed, and the sum stands."
CLOSED_ZH = "该小时的样本汇总后已清理，汇总结果不再更改。"

HeldOf = tuple[int, Held]
"""A pool's key, and what is held of it."""


class Gate:
    """The entrance's checks with the ledger of these pools. Remembers each pool's last span: samples come in order."""

    def __init__(self, timelines: Mapping[int, Timeline]) -> None:
        self._timelines = timelines
        self._spans: dict[int, Span] = {}

    def judged(
        self, samples: Iterable[Keyed], latest: Mapping[int, Sample], now: int
    ) -> tuple[list[Keyed], list[HeldOf]]:
        """Those to record, flagged where a check says so, and those to hold; each judged beside the one before it."""
        before: dict[int, Sample] = {}
        kept: list[Keyed] = []
        held: list[HeldOf] = []
        for key, sample in samples:
            last = before.get(key) or latest.get(key)
            known = self._known(key, sample.source_at, last, now)
            passed, holding = (sample, None) if plain(sample, known) else examined(sample, known)
            if holding is not None:
                held.append((key, holding))
            elif passed is not None:
                kept.append((key, passed))
                if last is None or (passed.source_at, passed.at) >= (last.source_at, last.at):
                    before[key] = passed
        return kept, held

    def _known(self, key: int, at: int, before: Sample | None, now: int) -> Known:
        span = self._spans.get(key)
        if span is None or not span.lo <= at < span.hi:
            timeline = self._timelines.get(key)
            span = timeline.at(at) if timeline else None
            if span is None:
                return Known(now, None, None, before)
            self._spans[key] = span
        return Known(now, span.built, _peak(span.model, span.basis), before)


def plain(sample: Sample, known: Known) -> bool:
    """Whether the sample is so far within all bounds that no check can have a reason; most are, and cost half then."""
    online, used, busy, built = sample.online_pflops, sample.used_pflops, sample.busy_pflops, known.built_pflops
    return (
        (online is not None and used is not None and (busy or 0.0) <= used <= online)
        and (built is None or online <= built < THOUSAND[0] * online)
        and sample.source_at <= known.now
        and (sample.fetched_at - sample.source_at <= sample.max_age or sample.quality == "declared")
        and (sample.online_devices is None or _plain_devices(sample, known.peak_pflops))
        and _near(online, known.before, JUMP_SHARE * (built or online))
        and sentinel(sample, known) is None
    )


def _near(online: float, before: Sample | None, most: float) -> bool:
    return before is None or before.online_pflops is None or abs(online - before.online_pflops) <= most


def _plain_devices(sample: Sample, peak: float | None) -> bool:
    """Within the peak of so many devices, where that is known, and no more used than online."""
    devices, online = sample.online_devices or 0.0, sample.online_pflops or 0.0
    return (sample.used_devices or 0.0) <= devices and (not peak or not devices or online < SPARSE[0] * peak * devices)


@cache
def _peak(model: str, basis: Basis) -> float | None:
    row = load_accelerators().find(model)
    return row.peak_pflops(basis) if row else None


def without_closed(samples: Iterable[Keyed], closed: set[tuple[int, int]]) -> tuple[list[Keyed], list[HeldOf]]:
    """Those whose hour can still be summed, and those of closed hours as held."""
    kept: list[Keyed] = []
    held: list[HeldOf] = []
    for key, sample in samples:
        if (key, sample.source_at // HOUR * HOUR) in closed:
            held.append((key, Held(sample, CLOSED, "the samples of its hour were let go, and their sum stands")))
        else:
            kept.append((key, sample))
    return kept, held
