"""The contract of a source, on one screen.

A collector asks once and returns samples. It never sleeps, retries, batches or logs, and does not know the store.

CollectError                the poll is counted under this name; nothing is appended; the engine decides by type
├── Silent                  nothing has come for too long from a source that sends by itself
├── Unreachable             no answer: refused, reset, timed out, name or certificate not resolved
├── Refused                 the API understood and said no: 401, 403, 429 (its operator must act); or its address is
│   │                       not one that we ask (collectors/guard.py)
│   ├── NotFound            404: there is nothing at this path
│   └── Gone                410: what we held on to (a page's token) is forgotten; ask from the start
└── Unreadable              there was an answer that cannot be believed: 5xx, garbage, cut off, too large, wrong shape
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import orjson
from pydantic import BaseModel, ConfigDict, JsonValue

from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.yamlfile import Loc
from suanli.quality.clocks import AHEAD_ALLOWED

if TYPE_CHECKING:
    from collectors.answers import Answer


class CollectError(Exception):
    """Why a poll gave nothing; the text is for the person on duty and never holds a secret."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Silent(CollectError):
    """Who sends by themselves have sent nothing."""


class Unreachable(CollectError):
    """Nobody answered."""


class Refused(CollectError):
    """The API answered that we may not, or its address is beyond our reach."""


class NotFound(Refused):
    """The API has nothing at this path."""


class Gone(Refused):
    """The API no longer knows what we refer to."""


class Unreadable(CollectError):
    """The answer cannot be believed."""


ReachedBy = Literal["http", "folder", "program", "nobody"]
"""How a kind of source is asked: by its url, by reading a folder here, by starting a program here, or not at all."""


class Settings(BaseModel):
    """What a kind of source needs to know beyond url, auth and tls: `source.settings` of a site."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    reached_by: ClassVar[ReachedBy] = "http"
    by_kubeconfig: ClassVar[bool] = False
    """Whether what is asked may be a cluster that a kubeconfig names in place of a url."""

    def addresses(self, _url: str) -> list[tuple[Loc, str]]:
        """What a source at this url asks beside it, each with its place in the settings: for the guard."""
        return []


Decode = Callable[[bytes], JsonValue]
"""Reads a JSON answer, or only what is needed of it; raises orjson.JSONDecodeError."""


class Http(Protocol):
    """The one HTTP client as a collector sees it: bound to one site's address, auth, TLS and limits."""

    async def get_json(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        decode: Decode = orjson.loads,
    ) -> JsonValue:
        """The decoded answer of GET url + path; raises Unreachable, Refused or Unreadable. headers: beside our own."""
        ...

    async def ask(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """The same of any kind of answer, undecoded and never empty; asked by POST where there is content."""
        ...

    def at(self, url: str) -> Http:
        """The same site's door at another address that its settings name, where it signs in by itself.

        url is never one that an answer gave: our credentials are sent there.
        """
        ...


class Collector(Protocol):
    """A kind of source; one instance serves one site, and the engine never runs two polls of a site at once."""

    Settings: ClassVar[type[Settings]]

    def __init__(self, site: PolledSite, settings: Any, http: Http) -> None: ...

    async def collect(self, now: int) -> list[Sample]:
        """Ask once; the pools' samples as they were at `now` (UTC seconds), or a CollectError."""
        ...


class Keeper:
    """A source that keeps what it hands out until that is recorded: dropped tables, which nobody sends twice."""

    async def let_go(self) -> None:
        """What the last `collect` gave is on disk, or it gave an error: put aside what it read; or a CollectError."""
        raise NotImplementedError


class Historian:
    """A source that can be asked about the past. What it says of a moment is what a poll at that moment would have had.

    most: moments that one call may ask about.
    """

    most: ClassVar[int] = 1

    def history_fault(self) -> str:
        """Why these settings tell nothing of the past; nothing where they do."""
        return ""

    async def history(self, moments: range) -> list[Sample]:
        """The samples of these moments (UTC seconds), each as `collect` gives them, or a CollectError for all of them.

        A moment of which the source has no figure has no sample. What may be told when it is asked again is an error:
        a part of an answer would stand for good.
        """
        raise NotImplementedError


def told_at(samples: list[Sample], source_at: int, now: int) -> list[Sample]:
    """These, by a time in the answer that says when it was made and nothing of how old its figures are: it matters
    where that clock is further ahead of ours than clocks differ, and is then kept for the poller to flag."""
    if source_at <= now + AHEAD_ALLOWED:
        return samples
    return [sample.model_copy(update={"at": source_at, "source_at": source_at}) for sample in samples]


def sample_of_devices(
    site: PolledSite, pool: PolledPool, now: int, *, online: float | None, used: float | None, reason: str = ""
) -> Sample:
    """Devices times the peak of one. An unknown peak leaves the figures unknown, and the sample says so."""
    peak = pool.peak_pflops
    if peak is None:
        reason = "; ".join(filter(None, (reason, f"no published peak for model {pool.model}")))
    return Sample(
        site=site.id,
        pool=pool.id,
        at=now,
        source_at=now,
        fetched_at=now,
        online_pflops=None if online is None or peak is None else online * peak,
        used_pflops=None if used is None or peak is None else used * peak,
        quality="partial" if reason else "ok",
        reason=reason,
        online_devices=online,
        used_devices=used,
    )
