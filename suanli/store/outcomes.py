"""How the last polls of this process ended: what tells a silent site from a site that was never asked."""

from __future__ import annotations

from suanli.model.polled import PollOutcome


class Outcomes:
    """The last outcome of each site. version grows whenever a site goes up or down or succeeds anew."""

    def __init__(self) -> None:
        self.last: dict[str, PollOutcome] = {}
        self.last_success: dict[str, int] = {}
        self.version = 0

    def note(self, outcome: PollOutcome) -> None:
        self.last[outcome.site] = outcome
        if outcome.result == "ok":
            self.last_success[outcome.site] = outcome.at
        self.version += 1

    def forget_all_but(self, sites: set[str]) -> None:
        """Drop sites that are no longer polled."""
        for gone in self.last.keys() - sites:
            del self.last[gone]
        self.version += 1
