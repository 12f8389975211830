"""HTTP: what is served, how errors look, who may read, and that the page asks nobody else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from exporter.api import make_api
from exporter.listening import listening
from exporter.paging import MOST
from suanli import __version__
from suanli.answers import GROUPINGS, Asked, rates_answer
from suanli.config import Config
from suanli.model.alert import SEVERITIES, STATES
from suanli.model.errors import Unavailable
from suanli.store.sql import Store
from tests.exporter.making import SITES, Rendering, heard, outcome, served
from tests.suanli.making import MAX_AGE, T0, a_store

PAGE = Path(__file__).parents[2] / "exporter" / "page"
TOKEN = "Hunter2-Hunter2"
PATHS = ("/", "/metrics", "/readyz", "/api/v1/rates", "/api/v1/sites", "/api/v1/openapi.json", "/page/page.js")


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(*SITES) as made:
        heard(made)
        yield made


@asynccontextmanager
async def client(store: Store, token: str = "", unready: str = "", now: float = T0) -> AsyncIterator[httpx.AsyncClient]:
    exposition = Rendering(store)
    exposition.outcomes.note(outcome("a", at=T0 - 5))
    exposition.outcomes.note(outcome("b", "refused", reason="401 unauthorized"))
    shown = served(store, exposition, token=token, unready=unready, now=now)
    transport = httpx.ASGITransport(make_api(shown), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made


def problem(answer: httpx.Response, status: int) -> str:
    """The answer is a problem document with this status; its detail."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["type"], body["status"]) == ("about:blank", status)
    detail: str = body["detail"]
    return detail


# ---------------------------------------------------------------- what is served


async def test_health(store: Store) -> None:
    async with client(store) as api:
        assert (await api.get("/healthz")).text == "alive\n"
        assert (await api.get("/readyz")).text == "ready\n"


async def test_readyz_is_503_while_nothing_can_be_recorded(store: Store) -> None:
    async with client(store, unready="the store cannot be written: database or disk is full") as api:
        assert "disk is full" in problem(await api.get("/readyz"), 503)
        assert (await api.get("/healthz")).status_code == 200
        assert (await api.get("/api/v1/rates")).status_code == 200


async def test_metrics_in_both_formats(store: Store) -> None:
    async with client(store) as api:
        plain = await api.get("/metrics")
        assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert 'suanli_fleet_online_ratio{basis="fp16"} 0.8\n' in plain.text
        assert f'suanli_build_info{{version="{__version__}"}} 1.0\n' in plain.text
        opened = await api.get("/metrics", headers={"accept": "application/openmetrics-text"})
        assert opened.headers["content-type"].startswith("application/openmetrics-text")
        assert opened.text.endswith("# EOF\n")


async def test_metrics_are_packed_for_who_accepts_it(store: Store) -> None:
    async with client(store) as api:
        for accept in ("", "application/openmetrics-text"):
            plain = await api.get("/metrics", headers={"accept": accept, "accept-encoding": "identity"})
            packed = await api.get("/metrics", headers={"accept": accept, "accept-encoding": "gzip"})
            assert packed.headers["content-encoding"] == "gzip"
            assert "content-encoding" not in plain.headers
            assert {one.headers["vary"] for one in (plain, packed)} == {"Accept, Accept-Encoding"}
            sites = [one.text.partition("# HELP suanli_site_polls")[0] for one in (plain, packed)]
            assert sites[0] == sites[1]
            assert packed.text.splitlines()[-1] == plain.text.splitlines()[-1] or not accept  # the end is not cut off


async def test_rates_are_the_answer_of_the_command_line(store: Store) -> None:
    async with client(store) as api:
        wanted = rates_answer(store.states(T0), Asked(T0, T0), Config())
        assert (await api.get("/api/v1/rates")).json() == wanted
        assert (await api.get("/api/v1/rates", params={"at": T0})).json() == wanted
        for by in GROUPINGS:
            groups = (await api.get("/api/v1/rates", params={"by": by})).json()["groups"]
            assert all(by in group for group in groups)
        assert (await api.get("/api/v1/rates?basis=fp64")).json()["fleet"]["built_pflops"] == 50.0


async def test_rates_of_a_silent_fleet_are_null_not_zero(store: Store) -> None:
    async with client(store, now=T0 + MAX_AGE + 1) as api:
        fleet = (await api.get("/api/v1/rates")).json()["fleet"]
        assert (fleet["online_pflops"], fleet["online_ratio"], fleet["coverage_ratio"]) == (None, None, 0.0)
        before = (await api.get("/api/v1/rates", params={"at": T0})).json()
        assert before["fleet"]["online_ratio"] == 0.8
        assert before["as_of"] != before["at"]


async def test_sites_tell_how_their_last_poll_ended(store: Store) -> None:
    async with client(store) as api:
        sites = {site["id"]: site for site in (await api.get("/api/v1/sites")).json()["sites"]}
    assert list(sites) == ["a", "b", "c"]
    assert (sites["a"]["up"], sites["a"]["last_result"], sites["a"]["last_success"]) == (
        True,
        "ok",
        "2026-11-24T05:59:55Z",
    )
    assert (sites["b"]["up"], sites["b"]["last_reason"], sites["b"]["last_success"]) == (
        False,
        "401 unauthorized",
        None,
    )
    assert (sites["c"]["up"], sites["c"]["kind"]) == (None, None)


async def test_the_schema_names_the_api(store: Store) -> None:
    async with client(store) as api:
        schema = (await api.get("/api/v1/openapi.json")).json()
        assert {"/healthz", "/readyz", "/metrics", "/api/v1/rates", "/api/v1/sites"} <= set(schema["paths"])
        assert schema["info"] == {"title": "Suanli", "version": __version__}
        for path in ("/docs", "/redoc"):
            problem(await api.get(path), 404)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/api/v1/rates?at=yesterday", "at: "),
        ("/api/v1/rates?at=-1", "at: "),
        ("/api/v1/rates?at=99999999999999999999", "at: "),
        ("/api/v1/rates?by=planet", "by: "),
        ("/api/v1/rates?basis=int8", "basis: "),
    ],
)
async def test_wrong_questions_are_422(store: Store, path: str, told: str) -> None:
    async with client(store) as api:
        assert problem(await api.get(path), 422).startswith(told)


@pytest.mark.parametrize("at", [0, 1, T0, 32_503_680_000])
async def test_every_time_that_is_allowed_has_an_answer(store: Store, at: int) -> None:
    async with client(store) as api:
        assert (await api.get("/api/v1/rates", params={"at": at})).status_code == 200


async def test_what_is_not_there_and_what_is_not_done_are_problems_too(store: Store) -> None:
    async with client(store) as api:
        problem(await api.get("/api/v1/nothing"), 404)
        problem(await api.get("/page/../api.py"), 404)
        problem(await api.get("/page/%2e%2e/api.py"), 404)
        problem(await api.post("/api/v1/rates"), 401)


# ---------------------------------------------------------------- who may read


@pytest.mark.parametrize("path", PATHS)
async def test_a_token_guards_everything_but_healthz(store: Store, path: str) -> None:
    async with client(store, token=TOKEN) as api:
        for headers in (
            {},
            {"authorization": TOKEN},
            {"authorization": f"Bearer {TOKEN}x"},
            {"authorization": "Bearer "},
        ):
            assert TOKEN not in problem(await api.get(path, headers=headers), 401)
        assert (await api.get(path, headers={"authorization": f"Bearer {TOKEN}"})).status_code == 200
        assert (await api.get("/healthz")).status_code == 200
        problem(await api.get("/nothing"), 401)


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_token_reading_is_open(store: Store, path: str) -> None:
    async with client(store) as api:
        assert (await api.get(path)).status_code == 200


# ---------------------------------------------------------------- the page


@pytest.mark.parametrize("path", [*PATHS, "/nothing", "/api/v1/rates?at=x"])
async def test_every_answer_forbids_other_addresses(store: Store, path: str) -> None:
    async with client(store) as api:
        answer = await api.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'self'" in policy
    assert not re.search(r"unsafe|\*|https?:", policy)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


class Links(HTMLParser):
    """Everything that a browser would fetch, and what a policy without `unsafe-inline` would not run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "action")]
        self.inline += [name for name, _ in attrs if name == "style" or name.startswith("on")]
        if tag == "script" and "src" not in dict(attrs):
            self.inline.append(tag)


async def test_the_page_names_only_files_that_are_served(store: Store) -> None:
    links = Links()
    links.feed((PAGE / "index.html").read_text(encoding="utf-8"))
    assert len(links.found) >= 3
    assert links.inline == []
    async with client(store) as api:
        assert (await api.get("/")).headers["content-type"].startswith("text/html")
        for link in links.found:
            assert re.match(r"/(?!/)", link)
            assert (await api.get(link)).status_code == 200


@pytest.mark.parametrize("file", sorted(PAGE.iterdir()), ids=lambda file: file.name)
def test_the_page_has_no_external_address(file: Path) -> None:
    text = file.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|[\"'(]//|@import|url\(", text)


async def test_the_page_asks_for_what_is_served(store: Store) -> None:
    script = (PAGE / "page.js").read_text(encoding="utf-8")
    asked = set(re.findall(r'fetched\("([^"]+)"\)', script)) | set(re.findall(r'listed\("([^"]+)"\)', script))
    assert asked == {"/api/v1/rates", "sites"}
    async with client(store) as api:
        rates: dict[str, Any] = (await api.get("/api/v1/rates")).json()
    used = set(re.findall(r"\b(?:fleet|group)\.(\w+)", script))
    assert used <= set(rates["fleet"]) | set(rates["groups"][0])


async def test_the_page_shows_of_alerts_what_is_answered_each_state_in_words(store: Store) -> None:
    """Every state but ok, and every severity, with a word of its own in both languages: colour says nothing alone."""
    script = (PAGE / "page.js").read_text(encoding="utf-8")
    async with client(store) as api:
        document = (await api.get("/api/v1/openapi.json")).json()["components"]["schemas"]
    known = set(document["AlertRow"]["properties"]) | set(document["Alerts"]["properties"])
    used = set(re.findall(r"\balert\.(\w+)", script))
    assert used <= known
    assert {"state", "held", "acknowledged_by", "acknowledged_why", "text"} <= used
    listed = re.findall(r"^const (?:STATES|SEVERITIES) = \[(.*)\];$", script, re.MULTILINE)
    told = [set(re.findall(r'"(\w+)"', one)) for one in listed]
    assert told == [set(STATES) - {"ok"}, set(SEVERITIES)]
    (asked,) = re.findall(r"fetched\(`(/api/v1/alerts[^`]*)`\)", script)
    shown_at_most = dict(re.findall(r"^const (\w+) = (\d+);$", script, re.MULTILINE))["ALERTS_SHOWN"]
    async with client(store) as api:
        for state in told[0]:
            query = asked.replace("${state}", state).replace("${ALERTS_SHOWN}", shown_at_most)
            assert (await api.get(query)).json() == {"looked_at": None, "alerts": [], "next": None}
    for language in re.findall(r"^  (?:zh|en): {(.*?)^  }", script, re.MULTILINE | re.DOTALL):
        words = dict(re.findall(r'(\w+): "([^"]*)"', language))
        shown = [words["cannot_judge" if state == "unknown" else state] for state in STATES if state != "ok"]
        assert len(set(shown)) == len(shown)
        assert len({words[one] for one in SEVERITIES}) == len(SEVERITIES)


async def test_the_page_asks_for_every_page_of_a_list(store: Store) -> None:
    """Its own queries, one row a page: it goes on behind `next` for as long as there is one."""
    script = (PAGE / "page.js").read_text(encoding="utf-8")
    loop = re.search(
        r"do {\s+const page = await fetched\(`(?P<path>[^`]+)`\);\s+rows\.push\(\.\.\.page\[name\]\);"
        r'\s+cursor = page\.next === null \? "" : `(?P<more>[^`]+)`;\s+} while \(cursor\);',
        script,
    )
    assert loop
    path = loop["path"].replace("${name}", "sites")
    assert f"limit={MOST}" in path
    found, cursor = [], ""
    async with client(store) as api:
        while True:
            page = (await api.get(path.replace(f"limit={MOST}", "limit=1").replace("${cursor}", cursor))).json()
            found += [row["id"] for row in page["sites"]]
            if page["next"] is None:
                break
            cursor = loop["more"].replace("${encodeURIComponent(page.next)}", quote(page["next"], safe=""))
    assert found == sorted(site.id for site in SITES)
    assert len(found) > 1


# ---------------------------------------------------------------- listening


async def test_a_server_of_its_own_on_a_free_port_until_the_block_ends(store: Store) -> None:
    exposition = Rendering(store)
    shown = served(store, exposition)
    async with listening(make_api(shown), "127.0.0.1", 0) as http, httpx.AsyncClient() as api:
        assert (await api.get(f"{http.address}/healthz")).text == "alive\n"
        port = int(http.address.rpartition(":")[2])
        with pytest.raises(Unavailable, match="is another Suanli running"):
            async with listening(make_api(shown), "127.0.0.1", port):
                pass
    assert http.task.done()
