"""Where samples are brought to: by whom, of which site, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection

from collectors.push.collector import PushCollector
from suanli.answers import iso
from suanli.catalog.accelerators import load_accelerators
from suanli.config import Config
from suanli.model.access import may
from suanli.model.audit import Entry
from suanli.model.errors import Conflict, Forbidden, InputError, Problem, Unknown
from suanli.model.message import Message
from suanli.model.polled import PolledSite, PollOutcome
from suanli.model.pushed import Pushed
from suanli.model.sample import Sample
from suanli.registering.asker import Asker
from suanli.registry.polled import is_pushed, polled_site
from suanli.store import audit
from suanli.store.registry import RecordedSite
from suanli.store.sql import Store
from suanli.store.taken import Taken

Answer = dict[str, Any]
ACTION = "samples.push"
_MOST_NOTES = 100


class Intake:
    """One a process. May be called from any thread; it writes, so not from an event loop."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store, self._config = store, config
        self._known: set[tuple[str, str]] = set()

    def push(self, who: Asker, site: str, pushed: Pushed) -> tuple[Answer | InputError, PollOutcome]:
        """What became of the samples, or what is wrong with them, and how that stands beside the outcomes of polls.

        Raises Forbidden, Unknown, and Conflict for a site that takes none now: nothing was heard of it then.
        """
        polled, now = self._taking(who, site), self._store.now
        try:
            samples = PushCollector(polled).received(pushed, now)
        except InputError as error:
            told = f"what was pushed cannot be taken: {error.problems[0]}"
            return error, PollOutcome(site, now, "unreadable", 0.0, told)
        taken = self._store.take(samples, lambda connection: self._note(connection, who, site))
        self._known.add((site, who.author.actor))
        return _answer(site, samples, taken), PollOutcome(site, now, "ok", 0.0, samples=tuple(samples))

    def _taking(self, who: Asker, id_: str) -> PolledSite:
        item = next((one for one in self._store.registry if one.site.id == id_), None)
        if not may(who.principal, "push", item.site.operator if item else None, id_):
            raise Forbidden(Message("{owner} may not push for site {site}", owner=who.principal.owner, site=id_))
        if item is None:
            raise Unknown(Problem(Message("no site {id!r} is registered", id=id_)))
        return self._polled(item)

    def _polled(self, item: RecordedSite) -> PolledSite:
        site = item.site.model_copy(update={"pools": tuple(pool.pool for pool in item.pools)})
        if not is_pushed(site):
            raise Conflict(Message("site {site} takes no pushed samples: its source is not of kind push", site=site.id))
        polled = polled_site(site, self._config.polling, load_accelerators())
        if polled is None:
            raise Conflict(Message("site {site} takes no samples: it is {status}", site=site.id, status=site.status))
        return polled

    def _note(self, connection: Connection, who: Asker, site: str) -> None:
        """The first push of each token for a site is in the audit trail: a row for every one would bury the others."""
        actor = who.author.actor
        if (site, actor) in self._known or audit.audit_rows(
            connection, actor=actor, action=ACTION, subject=site, limit=1
        ):
            return
        audit.append(connection, who.author, [Entry(ACTION, site, after={"first_push_by": actor})], self._store.now)


def _answer(site: str, samples: list[Sample], taken: Taken) -> Answer:
    notes = list(_notes(samples, taken))
    states = [note["state"] for note in notes]
    return {
        "site": site,
        "kept": taken.slots,
        "new": len(taken.new),
        "suspect": states.count("suspect"),
        "quarantined": len(states) - states.count("suspect"),
        "notes": notes[:_MOST_NOTES],
    }


def _notes(samples: list[Sample], taken: Taken) -> Iterator[Answer]:
    for _, held in taken.held:
        yield _note(held.sample, "quarantined", f"{held.check}: {held.reason}")
    for sample in samples:
        for figure in sample.refused:
            yield _note(sample, "figure", str(figure))
    for _, sample in taken.kept:
        if sample.quality == "suspect":
            yield _note(sample, "suspect", sample.reason)


def _note(sample: Sample, state: str, reason: str) -> Answer:
    return {"pool": sample.pool, "at": iso(sample.source_at), "state": state, "reason": reason}
