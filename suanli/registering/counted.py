"""The good polls in a row of one submission that waits: in memory, so that a new process begins the count again."""

from __future__ import annotations

from dataclasses import dataclass

from collectors.base import Collector
from suanli.model.polled import PollOutcome
from suanli.registering.proof import told_figures, why_not
from suanli.registering.provable import Provable, ProvableSite
from suanli.store.acceptance import Progress

_MOST_TOLD = 480
"""Characters of a reason: the audit trail takes 500."""


@dataclass(slots=True)
class Counted:
    """One of its sites. good: polls in a row; word: when what was heard last was true; told: what it was."""

    site: ProvableSite
    collector: Collector
    good: int = 0
    word: int = -1
    told: str = ""

    def count(self, outcome: PollOutcome, tolerance: float) -> str | None:
        """Why this poll sets the count back to nothing; None where it does not."""
        if why := why_not(self.site, outcome, tolerance):
            self.good = 0
            return why
        word = min(sample.source_at for sample in outcome.samples)
        if word > self.word:  # the same word again is no second one
            self.good, self.word = self.good + 1, word
            self.told = "; ".join(told_figures(self.site, outcome))
        return None


@dataclass(slots=True)
class Case:
    """A submission under proof. sites: by the name under which each is polled; at: of the last poll, UTC seconds."""

    what: Provable
    sites: dict[str, Counted]
    at: int | None = None
    why: str | None = None

    @property
    def good(self) -> int:
        """Of the site that has the fewest."""
        return min(one.good for one in self.sites.values())

    def count(self, outcome: PollOutcome, tolerance: float) -> None:
        self.at = outcome.at
        self.why = self.sites[outcome.site].count(outcome, tolerance) or self.why

    def begin_again(self, why: str) -> None:
        self.why = why
        for one in self.sites.values():
            one.good = 0

    def reason(self, tolerance: float) -> str:
        """The figures for which it is approved, in one line."""
        figures = "; ".join(one.told for one in self.sites.values())
        told = f"{self.good} good polls in a row, tolerance {tolerance * 100:g} %: {figures}"
        return told if len(told) <= _MOST_TOLD else f"{told[:_MOST_TOLD]} ..."

    def progress(self, needed: int) -> Progress:
        return Progress(min(self.good, needed), needed, self.at, self.why)
