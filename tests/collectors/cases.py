"""Recorded answers of real products, one folder a case: answers.json says which file answers what.

Files of a case: answers.json, the bodies (.json, .json.gz, or another format as it came), site.yaml, expected.json,
PROVENANCE.md. What `suanli collect SITE --record DIR` leaves is a case.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
from pydantic import JsonValue

from collectors.answers import Answer
from collectors.base import Collector, NotFound
from collectors.registry import REGISTRY, build
from suanli.catalog.accelerators import load_accelerators
from suanli.model.polled import PolledSite
from suanli.model.site import Site
from suanli.registry.file import read_sites
from suanli.registry.polled import PollDefaults, polled_site

HERE = Path(__file__).parent
NOW = 1_795_488_000
"""When the cases are polled: 2026-11-24, just after they were recorded."""

Reply = Callable[[str, Mapping[str, str] | None], Any]
"""What answers a path and its parameters: a JSON value, or an `Answer` of any kind."""


class FakeHttp:
    """A fake of `collectors.base.Http`: no network and no server, only what `reply` returns or raises."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.asked: list[str] = []
        self.posted: list[Any] = []

    async def get_json(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> JsonValue:
        self.asked.append(path)
        reply = self._reply(path, params)
        value: JsonValue = orjson.loads(reply.body) if isinstance(reply, Answer) else reply
        return value

    async def ask(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        self.asked.append(path)
        if content is not None:
            self.posted.append(orjson.loads(content))
        reply = self._reply(path, params)
        return reply if isinstance(reply, Answer) else Answer(200, httpx.Headers(), json.dumps(reply).encode())


def always(payload: JsonValue) -> FakeHttp:
    """Answers everything with this."""
    return FakeHttp(lambda _path, _params: payload)


@dataclass(frozen=True, slots=True)
class Case:
    """One folder."""

    kind: str
    folder: Path

    @property
    def site(self) -> PolledSite:
        return polled(registered(self.folder / "site.yaml")[0])

    @property
    def now(self) -> int:
        """When it is polled; a case that was recorded later says so in its golden samples."""
        return max((row["fetched_at"] for row in self.expected), default=NOW)

    @property
    def expected(self) -> Any:
        return json.loads((self.folder / "expected.json").read_text(encoding="utf-8"))

    @property
    def body(self) -> Any:
        """The first recorded body, decoded."""
        return self._bodies()[0][1]

    @property
    def others(self) -> list[Any]:
        """The bodies after it."""
        return [body for _, body in self._bodies()[1:]]

    def http(self, **instead: JsonValue) -> FakeHttp:
        """The recorded answers, `first` in place of the first; everything else is not found, as on that server."""
        bodies = self._bodies()
        if "first" in instead:
            bodies[0] = (bodies[0][0], instead["first"])

        def reply(path: str, params: Mapping[str, str] | None) -> Any:
            found = [(answer, body) for answer, body in bodies if _answers(answer, path, params or {})]
            if not found:
                raise NotFound(f"not recorded: {path} {params}")
            answer, body = max(found, key=lambda pair: len(pair[0].get("params", {})))
            headers = httpx.Headers(answer.get("headers", {}))
            return Answer(200, headers, body) if isinstance(body, bytes) else body

        return FakeHttp(reply)

    def _bodies(self) -> list[tuple[dict[str, Any], Any]]:
        answers = json.loads((self.folder / "answers.json").read_text(encoding="utf-8"))
        return [(answer, _decoded(self.folder / answer.pop("file"))) for answer in answers]


def _answers(answer: Mapping[str, Any], path: str, params: Mapping[str, str]) -> bool:
    """Whether this is asked: the path, and every parameter that the answer names; a page's token must be named."""
    named: dict[str, str] = answer.get("params", {})
    return (
        path == answer["path"] and named.items() <= params.items() and params.get("continue") == named.get("continue")
    )


def cases(kind: str) -> list[Case]:
    return [Case(kind, folder) for folder in sorted((HERE / kind / "cases").iterdir()) if folder.is_dir()]


ALL = [case for kind in sorted(REGISTRY) for case in cases(kind)]


def name_of(case: Case) -> str:
    return f"{case.kind}/{case.folder.name}"


def registered(file: Path) -> list[Site]:
    return read_sites([file], ZoneInfo("Asia/Shanghai"), load_accelerators())


def polled(site: Site) -> PolledSite:
    found = polled_site(site, PollDefaults(), load_accelerators())
    assert found is not None
    return found


def collector_of(case: Case, http: FakeHttp | None = None) -> Collector:
    return build(case.site, http or case.http())


def _decoded(file: Path) -> Any:
    data = file.read_bytes()
    unpacked = gzip.decompress(data) if file.suffix == ".gz" else data
    return json.loads(unpacked) if ".json" in file.suffixes else unpacked
