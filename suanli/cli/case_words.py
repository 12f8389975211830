"""`suanli collect --record-case DIR`: what it refuses, and what it tells of the case."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from suanli.cli.context import say
from suanli.cli.language import _

if TYPE_CHECKING:
    from collectors.exchange import Exchange
    from suanli.model.polled import PolledSite, PollOutcome
    from suanli.recording import Recorded
    from suanli.store.registry import RecordedSite


def refuse_case(folder: Path | None, asked: Sequence[PolledSite], site: str) -> None:
    """An InputError, before anything is asked, where no case can be made."""
    from suanli.recording import refuse_unless_recordable

    for one in asked:
        if folder is not None and one.id == site:
            refuse_unless_recordable(one, folder)


def write_case(
    folder: Path,
    registry: Sequence[RecordedSite],
    asked: Sequence[PolledSite],
    trail: Sequence[Exchange],
    outcome: PollOutcome,
) -> None:
    """Write what came of it, and say what a person has to do with it."""
    from suanli.recording import record_case

    item = next(item for item in registry if item.site.id == outcome.site)
    site = item.site.model_copy(update={"pools": tuple(pool.pool for pool in item.pools)})
    _tell(record_case(folder, site, next(one for one in asked if one.id == outcome.site), trail, outcome))


def _tell(case: Recorded) -> None:
    told = {"folder": case.folder, "answers": case.answers, "samples": case.samples}
    say(_("{folder}: {answers} answers; replayed, they give the {samples} samples that were polled").format(**told))
    names = {
        "address": _("addresses"),
        "host": _("hosts"),
        "id": _("serial numbers"),
        "mail": _("mail addresses"),
        "name": _("names of nodes, pods and projects"),
        "site": _("words of the site"),
        "text": _("free texts"),
        "token": _("secrets and tokens"),
        "user": _("users"),
    }
    counted = ", ".join(f"{names[kind]} {count}" for kind, count in sorted(case.replaced.items()))
    say(_("replaced, in different words: {counted}").format(counted=counted))
    say(_("no program can prove that nothing else tells whose this is: read every file before you show it to anyone"))
    say(_("then fill in PROVENANCE.md, and count the figures independently"))
