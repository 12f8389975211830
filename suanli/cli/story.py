"""`suanli demo --story`: a month of the demonstration city on record, to try every question of a bureau on."""

from __future__ import annotations

import time
from pathlib import Path

from rich.progress import track

from suanli.cli.context import say
from suanli.cli.demonstration import write_config
from suanli.cli.language import _
from suanli.config import Config
from suanli.demo import story
from suanli.demo.registry import sites
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.registering import planned
from suanli.store.rollup import roll
from suanli.store.sql import Store
from suanli.upkeep import look_over

_DAY = 86_400


class _Clock:
    """The story's own clock: what it records is recorded at its time."""

    now = story.REGISTERED

    def __call__(self) -> float:
        return float(self.now)


def tell(kept: Path, seed: int, *, quiet: bool) -> None:
    """Record the month into `kept`, which holds no record yet."""
    if (kept / "suanli.db").exists():
        raise InputError(
            Problem(Message("{kept} exists already: give a folder of its own", kept=kept / "suanli.db"), key="--data")
        )
    path, config = write_config(kept, poll={"interval": f"{story.STEP}s", "timeout": "10s"})
    clock = _Clock()
    store = Store(config.store.url, clock, config.store.password)
    try:
        count = _record(store, config, clock, seed, quiet=quiet)
        if not quiet:
            told = _(
                "October 2026 is on record: {samples} samples of {sites} sites. "
                "Try suanli --config {config} rates --from 2026-10 --to 2026-11"
            )
            say(told.format(samples=f"{count:,}", sites=len(store.registry), config=path))
    finally:
        store.close()


def _record(store: Store, config: Config, clock: _Clock, seed: int, *, quiet: bool) -> int:
    found = [
        site.model_copy(update={"source": None, "cross_check": None})
        for site in sites("http://127.0.0.1:9", story.STEP, Path())
    ]
    store.apply(planned(store, found, config), clock.now)
    count = 0
    for at, samples in track(list(story.rounds(seed)), description="", disable=quiet, transient=True):
        clock.now = at + 2
        count += store.append(samples)
        if at % _DAY == 0:
            _look_after(store, config)
    clock.now = min(story.PUBLISHED, int(time.time()))
    _look_after(store, config)
    return count


def _look_after(store: Store, config: Config) -> None:
    """What upkeep does by the hour; here once a day, and nothing is let go."""
    roll(store, config.zone)
    look_over(store, config.zone)
