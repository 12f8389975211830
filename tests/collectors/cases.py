"""Recorded answers of real products, one folder a case: answers.json says which file answers what.

Files of a case: answers.json, the bodies (.json, .json.gz, or another format as it came), site.yaml, expected.json,
PROVENANCE.md. A kind that is not asked over HTTP has no answers: what was `dropped` into the folder, or the `program`
that is started, is the case.
"""

from __future__ import annotations

import atexit
import gzip
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
from pydantic import JsonValue

from collectors.answers import Answer
from collectors.base import Collector, Decode, NotFound, Unreadable
from collectors.registry import REGISTRY, build
from suanli.catalog.accelerators import load_accelerators
from suanli.model.grants import Grants, Program
from suanli.model.polled import PolledSite
from suanli.model.site import Site
from suanli.registry.file import read_sites
from suanli.registry.polled import PollDefaults, polled_site

HERE = Path(__file__).parent
NOW = 1_795_488_000
"""When the first cases are polled: 2026-11-24, just after they were recorded."""

ZONE = ZoneInfo("Asia/Shanghai")

Reply = Callable[[str, Mapping[str, str] | None], Any]
"""What answers a path and its parameters: a JSON value, or an `Answer` of any kind."""


class FakeHttp:
    """A fake of `collectors.base.Http`: no network and no server, only what `reply` returns or raises."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.asked: list[str] = []
        self.posted: list[Any] = []

    async def get_json(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        decode: Decode = orjson.loads,
    ) -> JsonValue:
        """A value that need not be decoded in a way of the collector's own is given as it is."""
        self.asked.append(path)
        reply = self._reply(path, params)
        if not isinstance(reply, Answer) and decode is not orjson.loads:
            reply = Answer(200, httpx.Headers(), json.dumps(reply).encode())
        value: JsonValue = _json(reply.body, decode) if isinstance(reply, Answer) else reply
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

    def at(self, url: str) -> FakeHttp:
        """Another host of the site is asked by its whole address."""
        other = FakeHttp(lambda path, params: self._reply(url + path, params))
        other.asked = self.asked
        return other


def _json(body: bytes, decode: Decode) -> JsonValue:
    """As the client tells what is no JSON."""
    try:
        return decode(body)
    except orjson.JSONDecodeError:
        raise Unreadable("the answer is not JSON") from None


def always(payload: JsonValue) -> FakeHttp:
    """Answers everything with this."""
    return FakeHttp(lambda _path, _params: payload)


def _nobody(path: str, _params: object) -> JsonValue:
    raise AssertionError(f"asked over HTTP: {path}")


NO_HTTP = FakeHttp(_nobody)


@dataclass(frozen=True, slots=True)
class Case:
    """One folder."""

    kind: str
    folder: Path

    @property
    def site(self) -> PolledSite:
        return _site_of(self.folder)

    @property
    def over_http(self) -> bool:
        return REGISTRY[self.kind].Settings.reached_by == "http"

    @property
    def expected(self) -> Any:
        return json.loads((self.folder / "expected.json").read_text(encoding="utf-8"))

    @property
    def now(self) -> int:
        """When it is polled: when it was recorded."""
        return max(int(row["fetched_at"]) for row in self.expected)

    @property
    def body(self) -> Any:
        """The first recorded body, decoded."""
        return self._bodies()[0][1]

    @property
    def bodies(self) -> list[Any]:
        """All of them, decoded."""
        return [body for _, body in self._bodies()]

    @property
    def paths(self) -> list[str]:
        """What was asked for each of them."""
        return [answer["path"] for answer, _ in self._bodies()]

    @property
    def others(self) -> list[Any]:
        """The bodies after it."""
        return [body for _, body in self._bodies()[1:]]

    def http(self, instead: Mapping[int, Any] | None = None) -> FakeHttp:
        """The recorded answers, those of these places replaced; everything else is not found, as on that server."""
        bodies = [(answer, (instead or {}).get(place, body)) for place, (answer, body) in enumerate(self._bodies())]

        def reply(path: str, params: Mapping[str, str] | None) -> Any:
            found = [(answer, body) for answer, body in bodies if _answers(answer, path, params or {})]
            if not found:
                raise NotFound(f"not recorded: {path} {params}")
            answer, body = max(found, key=lambda pair: len(pair[0].get("params", {})))
            headers = httpx.Headers(answer.get("headers", {}))
            return Answer(200, headers, body) if isinstance(body, bytes) else body

        return FakeHttp(reply)

    def _bodies(self) -> list[tuple[dict[str, Any], Any]]:
        return list(_bodies_of(self.folder))


@cache
def _site_of(folder: Path) -> PolledSite:
    return polled(registered(folder / "site.yaml")[0])


@cache
def _bodies_of(folder: Path) -> tuple[tuple[dict[str, Any], Any], ...]:
    """Read once, as a case is asked thousands of times; nobody changes what is in them."""
    answers = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    return tuple((answer, _decoded(folder / answer["file"])) for answer in answers)


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
    return read_sites([file], ZONE, load_accelerators())


def polled(site: Site) -> PolledSite:
    found = polled_site(site, PollDefaults(), load_accelerators())
    assert found is not None
    return found


def collector_of(case: Case, http: FakeHttp | None = None) -> Collector:
    """Of what is on this machine, a copy of its own."""
    if case.over_http:
        return build(case.site, http or case.http())
    return build(replace(case.site, zone=ZONE, grants=granted(case, Path(tempfile.mkdtemp(dir=_copies())))), NO_HTTP)


def granted(case: Case, folder: Path) -> Grants:
    """What config.yaml would give this case: its tables, dropped into this folder a minute ago, or its program."""
    source = case.site.source
    if (case.folder / "dropped").is_dir():
        inner = folder / source.settings.get("path", "")
        for file in sorted((case.folder / "dropped").iterdir()):
            inner.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, inner / file.name)
            os.utime(inner / file.name, (NOW - 60, NOW - 60))
        return Grants(folder=str(folder))
    return Grants(programs=(Program("power", (str(case.folder / "program"),)),))


@cache
def _copies() -> str:
    made = tempfile.TemporaryDirectory(prefix="suanli-cases-")
    atexit.register(made.cleanup)
    return made.name


def _decoded(file: Path) -> Any:
    data = file.read_bytes()
    unpacked = gzip.decompress(data) if file.suffix == ".gz" else data
    return json.loads(unpacked) if ".json" in file.suffixes else unpacked
