"""Which site fails when: one at a time, for a minute of every eight. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Literal, get_args

Fault = Literal["error", "hang_up", "garbage"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
EVERY_SECONDS = 480
FAILING_SECONDS = 60


def fault_at(seed: int, sites: Sequence[str], seconds: float) -> tuple[str, Fault] | None:
    """The site that fails and how, so many seconds after the opening has ended; its faults take turns."""
    if seconds < 0:
        return None
    period, within = divmod(seconds, EVERY_SECONDS)
    rng = Random(f"{seed}:fault:{int(period)}")  # noqa: S311 - a simulation that can be repeated, not a secret
    since = within - rng.uniform(EVERY_SECONDS / 3, EVERY_SECONDS - FAILING_SECONDS)
    if not 0 <= since < FAILING_SECONDS:
        return None
    return rng.choice(sites), FAULTS[int(since * len(FAULTS) / FAILING_SECONDS)]
