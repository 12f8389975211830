"""What goes wrong, and when: made from a seed alone, so that the same storm can be had again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

FAULTS = {
    "influxdb": ("killed", "frozen", "stopped"),
    # Not killed: what it has answered 204 in its last seconds is not on its disk yet (see docs/guarantees.md).
    "victoriametrics": ("frozen", "stopped"),
    "stub": ("401", "413", "429", "503", "takes it and hangs up"),
    "source": ("frozen",),
}
"""Whom something happens to, and what; 400 and 422 hang on the points themselves (tests/faults/stub.py)."""
_EARLY, _TERM, _CALM = 0.2, 0.15, 0.3


@dataclass(frozen=True)
class Round:
    """One life of the process. begins, ends: faults (who, what) that do so `seconds` into it; it dies after `rest`.

    early: the seconds count from its start, whether it is ready or not. term: it is ended by SIGTERM, not by SIGKILL.
    """

    begins: tuple[tuple[str, str], ...]
    ends: tuple[str, ...]
    seconds: float
    rest: float
    early: bool
    term: bool


def script(seed: int, kills: int) -> Iterator[Round]:
    """Rounds with so many kills; who is well gets the next fault of a shuffled deck, for one round or two."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    decks = {who: list(_deck(rng, who)) for who in FAULTS}
    ailing: dict[str, int] = {}
    while kills > 0:
        ends = tuple(who for who, rounds in ailing.items() if rounds == 0)
        well = [who for who in FAULTS if who not in ailing]
        ailing = {who: rounds - 1 for who, rounds in ailing.items() if rounds > 0}
        begins = []
        for who in well:
            if rng.random() > _CALM:
                decks[who] = decks[who] or list(_deck(rng, who))
                begins.append((who, decks[who].pop()))
                ailing[who] = rng.randint(0, 1)
        term = rng.random() < _TERM
        kills -= not term
        early = rng.random() < _EARLY and not term  # who has not yet said how it ends ends as the system has it
        yield Round(tuple(begins), ends, rng.uniform(0.1, 1.0), rng.uniform(0.1, 1.5), early, term)


def _deck(rng: random.Random, who: str) -> list[str]:
    return rng.sample(FAULTS[who], len(FAULTS[who]))
