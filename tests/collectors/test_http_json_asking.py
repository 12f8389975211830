"""What http_json asks: pages, bodies, times, several requests; and XML and CSV."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.answers import Answer
from collectors.base import CollectError, Refused, Unreadable
from collectors.http_json.collector import HttpJsonCollector
from collectors.http_json.decoding import decoded
from collectors.http_json.settings import HttpJsonSettings, Question
from collectors.http_json.templates import Times, template_fault
from suanli.model.polled import PolledPool, PolledSite
from suanli.model.sample import Sample
from suanli.model.site import Source
from tests.collectors.cases import NOW, FakeHttp

URL = "https://api.example/base"
LISTED: dict[str, Any] = {"path": "/v1", "pools": "items", "fields": {"online": "up"}}
SITE = PolledSite(
    "json",
    Source(kind="http_json", url=URL),
    (PolledPool("h100", "H100", frozenset(), 1.0),),
    interval=60,
    timeout=10.0,
    max_age=180,
)


def collect(http: FakeHttp, **settings: Any) -> list[Sample]:
    chosen = HttpJsonSettings.model_validate(settings)
    return asyncio.run(HttpJsonCollector(SITE, chosen, http).collect(NOW))


def paged(size: int, pages: dict[str, Any], reply: Any) -> tuple[float | None, list[str]]:
    """What is online in all of a list of so many elements, and what was asked."""
    asked: list[str] = []

    def answer(path: str, params: Mapping[str, str] | None) -> Any:
        asked.append(f"{path}?{httpx.QueryParams(dict(params or {}))}" if params else path)
        return reply([{"up": number} for number in range(size)], path, dict(params or {}))

    (sample,) = collect(FakeHttp(answer), **LISTED, pages=pages)
    return sample.online_devices, asked


def by_cursor(rows: list[Any], _path: str, params: dict[str, str]) -> Any:
    at = int(params.get("after", 0))
    return {"items": rows[at : at + 3], "next": at + 3 if at + 3 < len(rows) else None}


def by_number(rows: list[Any], _path: str, params: dict[str, str]) -> Any:
    at = (int(params["page"]) - 1) * 3
    return {"items": rows[at : at + 3], "total": len(rows)}


def by_offset(rows: list[Any], _path: str, params: dict[str, str]) -> Any:
    at = int(params["offset"])
    return {"items": rows[at : at + 3], "total": str(len(rows))}


def by_next(rows: list[Any], path: str, _params: dict[str, str]) -> Any:
    at = int(path.partition("at=")[2] or 0)
    return {"items": rows[at : at + 3], "next": f"?at={at + 3}" if at + 3 < len(rows) else ""}


def by_link(rows: list[Any], path: str, params: dict[str, str]) -> Any:
    whole = by_next(rows, path, params)
    link = f'<{URL}/v1{whole["next"]}>; rel="next", <{URL}/v1>; rel="first"' if whole["next"] else ""
    return Answer(200, httpx.Headers({"link": link}), orjson.dumps({"items": whole["items"]}))


WAYS = [
    ({"by": "cursor", "at": "next", "param": "after"}, by_cursor),
    ({"by": "number", "param": "page"}, by_number),
    ({"by": "number", "param": "page", "total": "total"}, by_number),
    ({"by": "offset", "param": "offset"}, by_offset),
    ({"by": "offset", "param": "offset", "total": "total"}, by_offset),
    ({"by": "next", "at": "next"}, by_next),
    ({"by": "link"}, by_link),
]


@pytest.mark.parametrize(("pages", "reply"), WAYS)
@pytest.mark.parametrize("size", [1, 3, 4, 10])
def test_pages_add_up_to_the_whole_list(pages: dict[str, Any], reply: Any, size: int) -> None:
    online, asked = paged(size, pages, reply)

    assert online == sum(range(size))
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize(("pages", "reply"), WAYS)
def test_more_pages_than_are_asked_for_are_no_smaller_sum(pages: dict[str, Any], reply: Any) -> None:
    with pytest.raises(Unreadable, match="more than 3 pages"):
        paged(100, {**pages, "most": 3}, reply)


@pytest.mark.parametrize(("pages", "reply"), WAYS)
def test_a_page_that_fails_is_no_smaller_sum(pages: dict[str, Any], reply: Any) -> None:
    count = iter(range(100))

    def failing(*asked: Any) -> Any:
        if next(count) == 2:
            raise Refused("429")
        return reply(*asked)

    with pytest.raises(Refused, match="429"):
        paged(20, pages, failing)


@pytest.mark.parametrize(("pages", "_reply"), [way for way in WAYS if way[0]["by"] != "link"])
def test_a_page_that_comes_again_is_refused(pages: dict[str, Any], _reply: Any) -> None:
    count = iter(range(1000))

    def same(rows: list[Any], _path: str, _params: object) -> Any:
        beside = {"at": next(count)} if pages["by"] in ("number", "offset") else {}
        return {"items": rows[:3], "total": 99, "next": "?x=1", **beside}

    with pytest.raises(Unreadable, match="comes again"):
        paged(20, pages, same)


def test_fewer_elements_than_the_total_are_an_error() -> None:
    with pytest.raises(Unreadable, match="6 elements came of 7"):
        paged(6, {"by": "number", "param": "page", "total": "total"}, lambda *a: {**by_number(*a), "total": 7})


@pytest.mark.parametrize("total", [None, "many", -1, True, 2.5])
def test_a_total_that_is_none_is_an_error(total: Any) -> None:
    with pytest.raises(Unreadable, match="no number of elements"):
        paged(6, {"by": "number", "param": "page", "total": "t"}, lambda *a: {**by_number(*a), "t": total})


@pytest.mark.parametrize(
    "address",
    ["https://evil.example/base/v1", "//evil.example/x", "http://api.example/base/v1", "/other/v1", "/based/v1"],
)
def test_a_next_page_elsewhere_is_not_asked(address: str) -> None:
    http = FakeHttp(lambda _path, _params: {"items": [{"up": 1}], "next": address})
    with pytest.raises(Refused, match="the next page"):
        collect(http, **LISTED, pages={"by": "next", "at": "next"})
    assert http.asked == ["/v1"]


def test_a_cursor_stands_in_the_body_of_a_post() -> None:
    answers = iter([{"items": [{"up": 1}], "next": "b"}, {"items": [{"up": 2}]}])
    http = FakeHttp(lambda _path, _params: next(answers))
    (sample,) = collect(
        http, **LISTED, body={"size": 1, "to": "{to:ms}"}, pages={"by": "cursor", "at": "next", "param": "after"}
    )

    assert sample.online_devices == 3
    assert http.posted == [{"size": 1, "to": NOW * 1000}, {"size": 1, "to": NOW * 1000, "after": "b"}]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{from}/{to}", "2026-11-24T02:35:00Z/2026-11-24T02:40:00Z"),
        ("{now:s}", "1795488000"),
        ("x{from:ms}", "x1795487700000"),
        ("{to:%Y-%m-%d %H:%M:%S}", "2026-11-24 10:40:00"),
        ('{"a": {b}} {other}', '{"a": {b}} {other}'),
    ],
)
def test_times(text: str, filled: str) -> None:
    times = Times(NOW, 300, ZoneInfo("Asia/Shanghai"))

    assert not template_fault(text)
    assert times.params({"a": text}) == {"a": filled}
    assert times.body({"a": [text, 1, None]})["a"][1:] == [1, None]


@given(at=st.integers(0, 4_000_000_000), window=st.integers(1, 10**6))
def test_the_forms_of_a_time_mean_the_same(at: int, window: int) -> None:
    filled = Times(at, window, ZoneInfo("Asia/Shanghai")).body(["{to}", "{to:s}", "{to:ms}", "{to:%Y%m%dT%H%M%S%z}"])

    assert filled[1:3] == [at, at * 1000]
    assert datetime.fromisoformat(filled[0]).timestamp() == datetime.fromisoformat(filled[3]).timestamp() == at


@pytest.mark.parametrize("text", ["{from:x}", "{to:%Q}", "{now:ns}", "{to:}"])
def test_a_time_that_nobody_can_fill_in_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="a time is"):
        HttpJsonSettings.model_validate({"fields": {"online": "a"}, "body": {"a": [text]}})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"pages": {"by": "cursor", "at": "a"}}, "pages by cursor take at and param"),
        ({"pages": {"by": "link", "at": "a"}}, "neither at nor param"),
        ({"pages": {"by": "number", "param": "p"}}, "need items"),
        ({"pages": {"by": "next", "at": "a", "first": 1}}, "first is for"),
        ({"zone": "Asia/Suzhou"}, "no zone of the IANA list"),
        ({"requests": [{"fields": {"used": "a"}}]}, "fields belongs to each of requests"),
    ],
)
def test_settings_that_do_not_fit_together_are_told(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        HttpJsonSettings.model_validate({"fields": {"online": "a"}, **more})


TWO = [{"path": "/on", "fields": {"online": "n"}}, {"path": "/in-use", "fields": {"used": "n"}, "time": "t"}]


def test_each_request_fills_a_part_and_the_oldest_time_counts() -> None:
    (sample,) = collect(FakeHttp(lambda path, _p: {"n": len(path), "t": NOW - 60}), requests=TWO)

    assert (sample.online_devices, sample.used_devices, sample.source_at, sample.quality) == (3, 7, NOW - 60, "ok")


def test_a_clock_that_is_ahead_is_kept_as_it_is_for_the_entrance_to_judge() -> None:
    (sample,) = collect(FakeHttp(lambda _path, _p: {"n": 3, "t": NOW + 3600}), requests=TWO)

    assert (sample.source_at, sample.fetched_at) == (NOW + 3600, NOW)


@pytest.mark.parametrize("lost", ["/on", "/in-use"])
def test_a_request_that_fails_leaves_its_part_unknown(lost: str) -> None:
    def reply(path: str, _params: object) -> Any:
        if path == lost:
            raise Refused("answered 403")
        return {"n": 5, "t": NOW}

    (sample,) = collect(FakeHttp(reply), requests=TWO)

    assert (sample.online_devices, sample.used_devices) == ((None, 5) if lost == "/on" else (5, None))
    assert (sample.quality, sample.reason) == ("partial", f"{'online' if lost == '/on' else 'used'}: answered 403")


def test_a_rung_of_which_one_part_is_missing_is_unknown_and_all_missing_is_an_error() -> None:
    east_west = [{"path": path, "fields": {"online": "n", "used": "m"}} for path in ("/east", "/west")]

    def reply(path: str, _params: object) -> Any:
        raise Unreadable(path)

    with pytest.raises(CollectError, match="/east"):
        collect(FakeHttp(reply), requests=east_west)
    one = FakeHttp(lambda path, _p: {"n": 3, "m": 2} if path == "/east" else reply(path, None))
    with pytest.raises(Unreadable, match="no pool of this site has a number"):
        collect(one, requests=east_west)


# --- XML and CSV ---


def question(**more: Any) -> Question:
    return Question.model_validate({"fields": {"online": "a"}, **more})


def test_xml_is_told_as_lists_attributes_and_texts() -> None:
    body = b'<?xml version="1.0"?><x:a xmlns:x="urn:x" v="1"> <b>1</b><b c="2">t</b><d/><!-- no --></x:a>'

    assert decoded(body, question(format="xml")) == {"_v": "1", "b": ["1", {"_c": "2", "_text": "t"}], "d": [""]}


BOMB = b'<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (BOMB, "XML with a DTD"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "XML with a DTD"),
        (b"<a><b></a>", "not XML"),
        (b"<a>" * 100 + b"</a>" * 100, "more than 60 levels"),
        (b"<a>" * 100_000 + b"</a>" * 100_000, "more than 60 levels"),
        ('<?xml version="1.0" encoding="GB18030"?><a>一</a>'.encode("gb18030"), "another encoding"),
    ],
    ids=["bomb", "file", "cut", "deep", "deeper", "encoding"],
)
def test_xml_that_cannot_be_believed(body: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        decoded(body, question(format="xml"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_in_every_encoding_and_with_every_delimiter(encoding: str, mark: str) -> None:
    body = f'型号{mark}在线{mark}\r\n"昇{mark} 910B"{mark} 8 {mark}x\r\n\r\n'.encode(encoding)
    known = encoding.removesuffix("-sig")
    chosen = question(format="csv", encoding=None if known == "utf-8" else known, delimiter=mark)

    assert decoded(body, chosen) == [{"型号": f"昇{mark} 910B", "在线": "8"}]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "first line"),
        (b"a,a\n1,2\n", "first line"),
        (b"a,b\n1,2\n3\n", "line 3 of the answer has 1 cells"),
        (b"a,b\n1,2,3\n", "line 2 of the answer has 3 cells"),
        (b'a,b\n1,"2\n', "not CSV"),
        ("型号".encode("gb18030"), "not utf-8"),
    ],
)
def test_csv_that_cannot_be_believed(body: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        decoded(body, question(format="csv"))


def test_json_in_another_encoding_or_with_a_mark() -> None:
    assert decoded('{"a": "一"}'.encode("gb18030"), question(encoding="gb18030")) == {"a": "一"}
    assert decoded('\ufeff{"a": 1}'.encode(), question()) == {"a": 1}
    with pytest.raises(Unreadable, match="not JSON"):
        decoded(b"<html>", question())
