"""How the last polls of this process ended: what tells a silent site from a site that was never asked."""

from __future__ import annotations

from collections.abc import Mapping

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

    def heard_before(self, times: Mapping[str, int]) -> None:
        """When sites were heard before this process began: who is silent then was not never heard."""
        self.last_success = {**times, **self.last_success}
        self.version += 1

    def forget_all_but(self, sites: set[str]) -> None:
        """Drop sites that are no longer polled."""
        for gone in (self.last.keys() | self.last_success.keys()) - sites:
            self.last.pop(gone, None)
            self.last_success.pop(gone, None)
        self.version += 1
