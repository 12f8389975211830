"""Listings in pages: every row once, whatever is written meanwhile; and what may stand in a query."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from hypothesis import given
from hypothesis import strategies as st

from exporter.paging import Page, page
from suanli.model.audit import local_author
from suanli.model.errors import InputError
from suanli.registering.plans import planned
from suanli.store.sql import Store
from tests.exporter.test_access_matrix import ABSURD, announced, waiting
from tests.exporter.test_registry_routes import MINE, OTHERS, client, token
from tests.suanli.making import T0, Clock, a_pool, a_sample, a_site, a_store, built, config

LISTS = {
    "/sites": "sites",
    "/pools": "pools",
    "/capacity": "capacity",
    "/submissions": "submissions",
    "/tokens": "tokens",
    "/audit": "audit",
    "/maintenance": "windows",
    "/quarantine": "quarantine",
}
MANY = 7
ODD_KEYS: list[list[Any]] = [
    [], [None], [1.5], [[]], ["x"] * 3, [10**30], [True], [{}], [-(10**30), 1], [0, "x"], [0], [2, 0], ["x", None],
]  # fmt: skip


@pytest.fixture
def store() -> Iterator[Store]:
    names = [f"s{number}" for number in range(MANY)]
    sites = [a_site(name, a_pool("p", built(100.0)), operator=MINE, province="安徽") for name in names]
    other = a_site("z", a_pool("p", built(1.0), built(2.0, stage="planned")), operator=OTHERS, province="江苏")
    with a_store(*sites, other, clock=Clock(T0)) as made:
        for name in names:
            made.append([a_sample(T0 - 60, ABSURD, 40.0, site=name)])
            announced(made, name)
            token(made, "read")
        for number in range(MANY):
            _submit(made, f"s{number}")
        yield made


def _submit(store: Store, site: str) -> None:
    waiting(store, site, "x")


async def told(api: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await api.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def pages(api: httpx.AsyncClient, path: str, limit: int, **query: Any) -> list[list[Any]]:
    found, cursor = [], None
    while True:
        more: dict[str, str] = {} if cursor is None else {"cursor": cursor}
        answer = await told(api, path, limit=limit, **query, **more)
        found.append(answer[LISTS[path]])
        cursor = answer["next"]
        if cursor is None:
            return found


@pytest.mark.parametrize("path", LISTS)
async def test_the_pages_of_a_list_are_the_list(store: Store, path: str) -> None:
    async with client(store, "admin") as api:
        whole = (await told(api, path, limit=1000))[LISTS[path]]
        assert len(whole) >= MANY
        for limit in (1, 3, len(whole)):
            found = await pages(api, path, limit)
            assert [row for one in found for row in one] == whole
            assert {len(one) for one in found[:-1]} <= {limit}


@pytest.mark.parametrize("path", LISTS)
async def test_a_cursor_of_another_question_is_refused(store: Store, path: str) -> None:
    other = "/sites" if path != "/sites" else "/pools"
    async with client(store, "admin") as api:
        cursor = (await told(api, path, limit=1))["next"]
        foreign = await api.get(other, params={"cursor": cursor})
        assert (foreign.status_code, foreign.json()["errors"][0]["field"]) == (422, "cursor")
        mark = json.loads(base64.urlsafe_b64decode(cursor + "=="))[0]
        for key in ODD_KEYS:
            made = base64.urlsafe_b64encode(json.dumps([mark, *key]).encode()).decode()
            assert (await api.get(path, params={"cursor": made})).status_code in (200, 422), key
        for text in ("x", "####", base64.urlsafe_b64encode(b"[" * 3000).decode(), "e30", "bnVsbA", "W10", "😀"):
            wrong = await api.get(path, params={"cursor": text})
            assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "cursor"), text


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", [{"sites": "s1"}, {"Limit": "1"}, {"limit": "0"}, {"limit": "1001"}, {"limit": "x"}])
async def test_what_nobody_would_read_is_refused_by_its_name(store: Store, path: str, query: dict[str, str]) -> None:
    async with client(store, "admin") as api:
        answer = await api.get(path, params=query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, next(iter(query)))


async def test_a_query_of_figures_with_a_slip_is_refused_too(store: Store) -> None:
    async with client(store, "read") as api:
        for path in ("/rates", "/history", "/rates/explain", "/targets", "/funnel", "/sites/s1"):
            answer = await api.get(path, params={"as-of": "1"})
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "as-of"), path
        assert (await api.get("http://test/metrics", params={"collect[]": "x"})).status_code == 200


async def test_rows_that_come_meanwhile_neither_repeat_nor_hide_another(store: Store) -> None:
    """One row is added before, and one behind, the place where the reader stands."""
    async with client(store, "admin") as api:
        for path, name in (("/sites", "sites"), ("/audit", "audit")):
            first = await told(api, path, limit=4)
            before = (await told(api, path, limit=1000))[name]
            new = [a_site(id_, a_pool("p", built(1.0))) for id_ in ("a", "y")]
            if path == "/sites":
                store.apply(planned(store, new, config()), T0, author=local_author())
            else:
                token(store, "read")
            cursor, rest = first["next"], list[Any]()
            while cursor is not None:
                answer = await told(api, path, limit=2, cursor=cursor)
                cursor, rest = answer["next"], rest + answer[name]
            seen = first[name] + rest
            known = [row for row in seen if row in before]
            assert known == before
            assert len({json.dumps(row) for row in seen}) == len(seen)
            assert [row["id"] for row in seen if row not in before] == (["y"] if path == "/sites" else [])


FILTERS = [
    ("/sites", {"operator": OTHERS}, "id", {"z"}),
    ("/sites", {"province": "安徽"}, "operator", {MINE}),
    ("/sites", {"status": "retired"}, "id", set()),
    ("/pools", {"site": "s3"}, "site", {"s3"}),
    ("/pools", {"province": "江苏"}, "site", {"z"}),
    ("/capacity", {"operator": OTHERS}, "site", {"z"}),
    ("/capacity", {"stage": "planned", "site": "z"}, "stage", {"planned"}),
    ("/submissions", {"site": "s2"}, "subject", {"s2/p"}),
    ("/submissions", {"operator": OTHERS}, "subject", set()),
    ("/submissions", {"state": "approved"}, "subject", set()),
    ("/tokens", {"owner": "read"}, "owner", {"read"}),
    ("/tokens", {"state": "revoked"}, "owner", set()),
    ("/audit", {"action": "maintenance"}, "action", {"maintenance.add"}),
    ("/audit", {"subject": "s1"}, "subject", {"s1", "s1/p"}),
    ("/audit", {"to": 1}, "subject", set()),
    ("/maintenance", {"site": "s5"}, "site", {"s5"}),
    ("/maintenance", {"state": "approved"}, "site", set()),
    ("/maintenance", {"from": T0, "to": T0 + 60}, "site", set()),
    ("/quarantine", {"site": "s4"}, "site", {"s4"}),
    ("/quarantine", {"operator": OTHERS}, "site", set()),
    ("/quarantine", {"check": "sink"}, "check", set()),
]


@pytest.mark.parametrize(("path", "query", "column", "wanted"), FILTERS)
async def test_lists_are_filtered(store: Store, path: str, query: Any, column: str, wanted: set[str]) -> None:
    async with client(store, "admin") as api:
        rows = (await told(api, path, limit=1000, **query))[LISTS[path]]
        assert {row[column] for row in rows} == wanted
        assert [row for one in await pages(api, path, 2, **query) for row in one] == rows


async def test_every_list_has_a_filter_that_is_tried(store: Store) -> None:
    assert {path for path, _, _, _ in FILTERS} == set(LISTS)


@pytest.mark.parametrize("path", ["/sites", "/pools", "/capacity", "/maintenance", "/quarantine"])
async def test_a_site_that_is_not_there_is_told(store: Store, path: str) -> None:
    async with client(store, "admin") as api:
        answer = await api.get(path, params={"site": "nowhere"})
    assert (answer.status_code, "no site 'nowhere'" in answer.json()["detail"]) == (404, True)


keys = st.lists(st.tuples(st.integers(-3, 3), st.sampled_from(["", "a", "b"])), max_size=12)


@given(keys, st.integers(1, 4))
def test_law_pages_of_any_keys_are_all_rows_once(numbers: list[tuple[int, str]], limit: int) -> None:
    """Also where rows share a key: these come in one page."""
    rows: list[dict[str, Any]] = [{"key": key, "place": place} for place, key in enumerate(numbers)]
    request = Request({"type": "http", "path": "/x", "query_string": b"", "headers": [], "app": FastAPI()})
    found, now = list[Any](), page(request, limit)
    for _ in range(len(rows) + 1):
        answer = now.answer("rows", rows, lambda row: row["key"])
        found += answer["rows"]
        if answer["next"] is None:
            break
        now = page(request, limit, answer["next"])
    assert found == sorted(rows, key=lambda row: row["key"])


@pytest.mark.parametrize("after", [(), ("x",), (2**63,), (-(2**63),)])
def test_a_number_of_a_cursor_is_one_that_a_database_knows(after: Any) -> None:
    with pytest.raises(InputError, match="cursor"):
        Page(1, after, "").number()
    assert Page(1, None, "").number() is None
    assert Page(1, (5, -7), "").number(1) == -7
