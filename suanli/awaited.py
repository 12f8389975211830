"""Sites that nobody asks: that nothing has come from one is noticed here, as a failing poll tells it of the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from suanli.config import Config
from suanli.model.polled import PollOutcome
from suanli.model.rounds import Rounds
from suanli.model.site import Site
from suanli.registry.polled import is_polled, is_pushed, max_age_of
from suanli.store.outcomes import Outcomes
from suanli.store.sql import Store

_EVERY = 1.0


def awaited(store: Store) -> list[Site]:
    """The sites that are to push now."""
    return [item.site for item in store.registry if is_pushed(item.site) and is_polled(item.site)]


@dataclass(slots=True)
class Silence:
    """Tells of each silent site once, as `unreachable`, until something comes again; looks around until `stop`.

    A site has its max_age for its next push, counted anew from the start of this process or from its registration:
    while we were not there it could not push, and what it has queued meanwhile is on its way.
    """

    store: Store
    config: Config
    outcomes: Outcomes
    told: Callable[[PollOutcome], None]
    clock: Callable[[], float] = time.time
    _since: dict[str, int] = field(default_factory=dict)
    rounds: Rounds = field(default_factory=Rounds)

    def stop(self) -> None:
        self.rounds.stop()

    async def run(self) -> None:
        """In the event loop, where outcomes are told."""
        async for _ in self.rounds.every(_EVERY):
            self.look()

    def look(self) -> None:
        """What has fallen silent by now."""
        now, sites = int(self.clock()), awaited(self.store)
        self._since = {site.id: self._since.get(site.id, now) for site in sites}
        for site in sites:
            last = self.outcomes.last.get(site.id)
            heard = max(self.outcomes.last_success.get(site.id, 0), self._since[site.id])
            waited, most = now - heard, max_age_of(site, self.config.polling)
            if waited > most and (last is None or last.result != "unreachable"):
                reason = f"nothing was pushed within {most} s: is `suanli push` running there, and does it reach us?"
                self.told(PollOutcome(site.id, now, "unreachable", 0.0, reason))
