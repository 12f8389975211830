"""Comparisons of the fleet's figures, made at the store itself or by a running instance."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from suanli.cli.asked import said

if TYPE_CHECKING:
    from suanli.cli.server import Answer, Server
    from suanli.comparing import AskedChange
    from suanli.config import Config
    from suanli.model.units import Basis
    from suanli.store.sql import Store


@dataclass(frozen=True, slots=True)
class LocalComparing:
    """Times in UTC seconds; an instant that is None is now."""

    store: Store
    config: Config

    def benchmarks(self, at: int | None, basis: Basis) -> Answer:
        from suanli.comparing import benchmarks_answer

        return benchmarks_answer(self.store, self.config, _now(at), basis)

    def targets(self, at: int | None, lo: int | None, hi: int | None) -> Answer:
        from suanli.comparing import asked_stretch, targets_answer

        return targets_answer(self.store, self.config, *asked_stretch(at, lo, hi, _now(None)))

    def change(self, asked: AskedChange) -> Answer:
        from suanli.comparing import change_answer

        return change_answer(self.store, self.config, asked)

    def funnel(self, at: int | None, basis: Basis) -> Answer:
        from suanli.comparing import funnel_answer

        return funnel_answer(self.store, _now(at), basis)

    def disagreements(self, at: int | None, as_of: int | None) -> Answer:
        from suanli.listing import disagreement_rows

        return disagreement_rows(self.store, _now(at), as_of)


@dataclass(frozen=True, slots=True)
class RemoteComparing:
    """The same, over there."""

    server: Server

    def benchmarks(self, at: int | None, basis: Basis) -> Answer:
        return self.server.asked("GET", "benchmarks", params=said({"at": at, "basis": basis}))

    def targets(self, at: int | None, lo: int | None, hi: int | None) -> Answer:
        return self.server.asked("GET", "targets", params=said({"at": at, "from": lo, "to": hi}))

    def change(self, asked: AskedChange) -> Answer:
        ends = {"from": asked.before, "to": asked.after, "months": asked.months}
        rest = {"metric": asked.metric, "by": asked.by, "basis": asked.basis}
        return self.server.asked("GET", "change", params=said(ends | rest))

    def funnel(self, at: int | None, basis: Basis) -> Answer:
        return self.server.asked("GET", "funnel", params=said({"at": at, "basis": basis}))

    def disagreements(self, at: int | None, as_of: int | None) -> Answer:
        return self.server.asked("GET", "disagreements", params=said({"at": at, "as_of": as_of}))


def _now(at: int | None) -> int:
    return int(time.time()) if at is None else at
