"""What became of samples that were recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from suanli.store.gate import HeldOf
from suanli.store.samples import Keyed


@dataclass(frozen=True, slots=True)
class Taken:
    """kept: as they are recorded, flagged where they look wrong; new: those that were not on record word for word."""

    kept: Sequence[Keyed] = ()
    held: Sequence[HeldOf] = ()
    new: Sequence[Keyed] = ()

    @property
    def slots(self) -> int:
        """How many slots now hold one of them."""
        return len({(key, sample.at) for key, sample in self.kept})


def nothing_else(_connection: Connection) -> None:
    """What is recorded with the samples, in their transaction, where there is nothing."""
