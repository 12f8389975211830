"""Sums by the hour, from samples: what the traces' own sums are compared with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from suanli.model.sample import Sample

HOUR = 3600


def product_hours(samples: list[Sample], rungs: tuple[str, ...]) -> dict[tuple[str, int], tuple[float, ...]]:
    """Rung-seconds of each pool and hour (UTC second of its start); hours without a known second are not there."""
    sums: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0.0] * len(rungs))
    for sample, end in _words(samples):
        values = [getattr(sample, rung) for rung in rungs]
        if None in values:
            continue
        for hour, seconds in overlaps(sample.source_at, end):
            sums[sample.pool, hour] = [
                total + value * seconds for total, value in zip(sums[sample.pool, hour], values, strict=True)
            ]
    return {key: tuple(found) for key, found in sums.items()}


def _words(samples: list[Sample]) -> Iterator[tuple[Sample, int]]:
    """Each sample and the second at which its word ends."""
    by_pool: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_pool[sample.pool].append(sample)
    for words in by_pool.values():
        ordered = sorted(words, key=lambda sample: sample.source_at)
        for sample, following in zip(ordered, [*ordered[1:], None], strict=True):
            lapse = sample.source_at + sample.max_age + 1
            yield sample, lapse if following is None else min(lapse, following.source_at)


def overlaps(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The hours that [start, end) touches, and for how many seconds."""
    for hour in range(start - start % HOUR, end, HOUR):
        yield hour, min(end, hour + HOUR) - max(start, hour)
