"""What no person would write: refused with 4xx or kept as it is, and whatever is kept can be read again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError

from suanli.model.capacity import Moment
from suanli.model.units import Duration
from suanli.store.sql import Store
from tests.exporter.test_registry_routes import ENTRY, MINE, client
from tests.suanli.making import T0, Clock, a_pool, a_site, a_store, built


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(a_site("mine", a_pool("p", built(100.0)), operator=MINE), clock=Clock(T0)) as made:
        yield made


def text(value: str, place: str) -> bytes:
    """A request with this JSON, as it is, in this place."""
    source = {"kind": "http_json", "url": "https://api.example/v1", "settings": {"fields": {"online": "HERE"}}}
    site: dict[str, Any] = {"id": "new", "name": "n", "province": "安徽", "operator": MINE, "source": source}
    entry: dict[str, Any] = dict(ENTRY)
    if place == "key":
        site["HERE"] = 1
    elif place in site:
        site[place] = "HERE"
    elif place in source:
        source[place] = "HERE"
    elif place != "setting":
        entry[place] = "HERE"
    site["pools"] = [{"id": "p", "model": "nvidia-a100-sxm4-80gb", "capacity": [entry]}]
    return json.dumps({"action": "sites.apply", "sites": [site]}).replace('"HERE"', value).encode("utf-8")


VALUES = (
    "NaN",
    "Infinity",
    "-Infinity",
    "1e999",
    "-1",
    "9" * 400,
    "9223372036854775808",
    '"\\ud800"',
    '"\\udc00x"',
    '"\\u0000"',
    '"\\u202egnp"',
    '"\\ufeff"',
    '"' + "9" * 5000 + 's"',
    '"999999999y"',
    '"0001-01-01"',
    '"9999-12-31T23:59:59-23:59"',
    "[" * 5000 + "]" * 5000,
    '"' + "x" * 100_000 + '"',
    "true",
    "null",
)
PLACES = ("name", "id", "key", "setting", "url", "interval", "from", "until", "pflops", "devices", "source")


@pytest.mark.parametrize("place", PLACES)
async def test_nothing_breaks_the_server_and_what_is_kept_can_be_read(store: Store, place: str) -> None:
    async with client(store, "admin") as api:
        for value in VALUES:
            if place == "key" and not value.startswith('"'):
                continue
            headers = {"content-type": "application/json"}
            answer = await api.post("/requests", content=text(value, place), headers=headers)
            assert answer.status_code < 500, (place, value[:40], answer.text)
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json"
            for path in ("/sites", "/capacity", "/submissions"):
                assert (await api.get(path)).status_code == 200, (place, value[:40], path)
            if "new" in [row["id"] for row in (await api.get("/sites")).json()["sites"]]:
                assert (await api.get("/sites/new")).status_code == 200, (place, value[:40])


@pytest.mark.parametrize("value", ["NaN", "Infinity", '"\\ud800"', "[" * 5000 + "]" * 5000])
async def test_what_is_no_json_is_refused_where_anything_may_stand(store: Store, value: str) -> None:
    async with client(store, "admin") as api:
        headers = {"content-type": "application/json"}
        answer = await api.post("/requests", content=text(value, "setting"), headers=headers)
        assert answer.status_code == 422, answer.text
        assert [row["id"] for row in (await api.get("/sites")).json()["sites"]] == ["mine"]


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"\x00", b'{"action":'])
async def test_a_body_that_is_no_json_is_told_as_such(store: Store, body: bytes) -> None:
    async with client(store, "admin") as api:
        answer = await api.post("/requests", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_method_that_is_not_there_is_told_with_those_that_are(store: Store) -> None:
    async with client(store, "admin") as api:
        answer: httpx.Response = await api.delete("/sites/mine")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PUT")


@pytest.mark.parametrize("kind", [Duration, Moment])
def test_durations_and_moments_are_described_as_they_are_written(kind: Any) -> None:
    schema = TypeAdapter(kind).json_schema()
    for example in schema["examples"]:
        TypeAdapter(kind).validate_python(example)
    assert "integer" not in json.dumps(schema)


@pytest.mark.parametrize("written", ["0s", "101y", "9" * 30 + "s", "٣s", "1 h", 60])
def test_durations_that_are_none(written: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Duration).validate_python(written)


@pytest.mark.parametrize("written", ["1799-12-31", "3000-01-01", "0001-01-01T00:00:00+08:00", "2026-02-30"])
def test_moments_that_no_clock_can_write_back(written: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Moment).validate_python(written)
