"""How far two independent signals of one rung lie apart: a figure of its own, which changes no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from suanli.model.metric import SAMPLE_RUNGS
from suanli.model.sample import Sample


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One rung of one pool by its source and by its second signal, in PFLOPS."""

    site: str
    pool: str
    rung: str
    source_pflops: float
    second_pflops: float

    @property
    def pflops(self) -> float:
        """The second signal less the source."""
        return self.second_pflops - self.source_pflops

    @property
    def ratio(self) -> float | None:
        """How far apart they are, of the larger one: 0 where they agree, 1 where one says nothing is there.

        None where both are 0.
        """
        larger = max(self.source_pflops, self.second_pflops)
        return abs(self.pflops) / larger if larger else None


def disagreements(source: Sample, second: Sample) -> Iterator[Disagreement]:
    """Of the rungs that both tell."""
    for rung in SAMPLE_RUNGS:
        one, other = getattr(source, rung.field), getattr(second, rung.field)
        if one is not None and other is not None:
            yield Disagreement(source.site, source.pool, rung.name, one, other)
