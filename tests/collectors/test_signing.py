"""Signed requests: as the clouds' own SDKs sign them, whatever is asked; what is sent is what was signed; and no secret
is ever shown."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import httpx
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from collectors.base import Refused
from collectors.client import ClientPool
from collectors.signing import SCHEMES, Acs3, Scheme, SdkHmac, SigningSignIn
from suanli.model.polled import PolledSite
from suanli.model.site import Auth, Source
from tests.collectors.raw_server import RawServer, sends
from tests.oracle.signatures import authorization, of_head
from tests.reaching import LOOPBACK, loopback
from tests.searching import forms, found_in
from tests.suanli.running import suanli
from tests.test_secrets import made_up, repeating

HERE = Path(__file__).parent / "signatures"
SECRET = "made-up/secret+of=no body"


def vectors(of: str) -> list[dict[str, Any]]:
    (file,) = HERE.glob(f"{of}*.json")
    found = json.loads(file.read_text(encoding="utf-8"))
    assert len(found["vectors"]) >= 40
    return [one | {"key": (found["user"], found["secret"])} for one in found["vectors"]]


def asked(one: Mapping[str, Any]) -> httpx.Request:
    """The request as our client makes it."""
    url = f"https://{one['host']}{quote(one['path'], safe='/~')}"
    return httpx.Request("GET", httpx.URL(url, params=one["query"] or None), headers=one["headers"])


def of_wire(request: httpx.Request) -> tuple[str, dict[str, str]]:
    return request.url.raw_path.decode(), {name.lower(): value for name, value in request.headers.items()}


@pytest.mark.parametrize("one", vectors("huawei"), ids=lambda one: f"{one['path']}?{one['query']}"[:60])
def test_huawei_as_its_own_sdk_signs(one: dict[str, Any]) -> None:
    request = asked(one)
    user, secret = one["key"]
    headers = SdkHmac().headers(request, user, secret, one["at"])

    assert headers == {"X-Sdk-Date": one["date"], "Authorization": one["authorization"]}
    request.headers.update(headers)
    assert authorization(*of_wire(request), secret) == one["authorization"]


@pytest.mark.parametrize("one", vectors("alibaba"), ids=lambda one: f"{one['path']}?{one['query']}"[:60])
def test_alibaba_as_its_own_sdk_signs(one: dict[str, Any]) -> None:
    request = asked(one)
    user, secret = one["key"]
    headers = Acs3(lambda: one["nonce"]).headers(request, user, secret, one["at"])

    assert (headers["x-acs-date"], headers["Authorization"]) == (one["date"], one["authorization"])
    request.headers.update(headers)
    assert authorization(*of_wire(request), secret) == one["authorization"]


def test_the_query_is_sent_as_huaweis_sdk_sends_it(tmp_path: Path) -> None:
    for one in vectors("huawei"):
        sent = signing(tmp_path, "huawei_ak_sk").sealed(asked(one))
        assert sent.url.query.decode() == one["target"].partition("?")[2]


SAME: dict[str, Scheme] = {"huawei_ak_sk": SdkHmac(), "alibaba_ak_sk": Acs3(lambda: "n")}
"""Of which two signatures of one request are the same."""


def signing(folder: Path, kind: str, scheme: Scheme | None = None) -> SigningSignIn:
    (folder / "secret").write_text(SECRET)
    auth = Auth.model_validate({"kind": kind, "user": "AK1", "password": {"file": str(folder / "secret")}})
    made = SigningSignIn(auth, scheme or SCHEMES[kind], lambda: 1_795_488_000.0)
    made._secret.changed()
    return made


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
PATHS = st.lists(TEXT, max_size=4).map(lambda parts: "/" + "/".join(parts))
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=4)
FEW = settings(max_examples=40, deadline=None)
kinds = pytest.mark.parametrize("kind", sorted(SCHEMES))


@kinds
@FEW
@given(path=PATHS, pairs=PAIRS, project=st.text("abc 09-", max_size=8))
def test_whatever_is_asked_the_signature_is_that_of_what_is_sent(
    tmp_path_factory: pytest.TempPathFactory, kind: str, path: str, pairs: list[tuple[str, str]], project: str
) -> None:
    request = asked({"host": "h.example", "path": path, "query": pairs, "headers": {"X-Project-Id": project}})

    sent = signing(tmp_path_factory.getbasetemp(), kind).sealed(request)

    target, headers = of_wire(sent)
    assert headers["authorization"] == authorization(target, headers, SECRET)
    assert "x-project-id" in headers["authorization"]
    assert "authorization" not in request.headers
    assert unquote(target.partition("?")[0]) == request.url.path
    assert parse_qsl(sent.url.query.decode(), keep_blank_values=True) == sorted(pairs)


@kinds
@FEW
@given(pairs=PAIRS, data=st.data())
def test_the_order_of_parameters_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, kind: str, pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    door = signing(tmp_path_factory.getbasetemp(), kind, SAME[kind])
    one: dict[str, Any] = {"host": "h.example", "path": "/", "headers": {}}

    first = door.sealed(asked(one | {"query": pairs}))
    second = door.sealed(asked(one | {"query": data.draw(st.permutations(pairs))}))

    assert first.headers == second.headers


@kinds
def test_everything_that_is_signed_changes_the_signature(tmp_path: Path, kind: str) -> None:
    same: dict[str, Any] = {"host": "h.example", "path": "/a", "query": [["a", "1"]], "headers": {"X-Project-Id": "p"}}
    others: list[dict[str, Any]] = [{"host": "i.example"}, {"path": "/b"}, {"query": [["a", "2"]]}]
    others.append({"headers": {"X-Project-Id": "q"}})
    scheme = SAME[kind]
    found = {scheme.headers(asked(same | one), "AK1", SECRET, 0)["Authorization"] for one in [{}, *others]}
    found |= {scheme.headers(asked(same), "AK1", *other)["Authorization"] for other in [("x", 0), (SECRET, 1)]}

    assert len(found) == 7
    assert all(headers.isprintable() for headers in found)


def test_no_request_of_alibabas_is_the_same_twice(tmp_path: Path) -> None:
    door = signing(tmp_path, "alibaba_ak_sk")
    request = asked({"host": "h.example", "path": "/", "query": [], "headers": {}})

    assert len({door.sealed(request).headers["x-acs-signature-nonce"] for _ in range(100)}) == 100


def site_at(url: str, kind: str, folder: Path) -> PolledSite:
    (folder / "secret").write_text(SECRET)
    auth = Auth.model_validate({"kind": kind, "user": "AK1", "password": {"file": str(folder / "secret")}})
    return PolledSite("s", Source(kind="http_json", url=url, auth=auth), (), interval=60, timeout=5.0, max_age=180)


@kinds
async def test_what_arrives_is_what_was_signed_also_after_a_redirection(tmp_path: Path, kind: str) -> None:
    moved = sends(b"", "307 Moved\r\nLocation: /elsewhere/?b=2&a=1")
    async with RawServer(sends(b"{}"), moved, sends(b"{}")) as server:
        pool = ClientPool(loopback)
        door = pool.site(site_at(server.url, kind, tmp_path))
        await door.get_json("/v2/pools", {"z": "a b+c", "a": "算=力&", "e": ""}, {"X-Project-Id": "p1"})
        await door.get_json("/api/quotas/", {"ParentQuotaId": ""})
        await pool.aclose()

    assert [head.split(" ")[1].partition("?")[0] for head in server.requests] == [
        "/v2/pools",
        "/api/quotas/",
        "/elsewhere/",
    ]
    for head in server.requests:
        target, headers = of_head(head)
        assert headers["authorization"] == authorization(target, headers, SECRET)


@kinds
async def test_another_secret_is_read_and_each_request_has_its_own_time(tmp_path: Path, kind: str) -> None:
    clock = [0.0]
    site = site_at("http://h.example", kind, tmp_path)
    door = SigningSignIn(site.source.auth, SCHEMES[kind], lambda: clock[0])
    request = asked({"host": "h.example", "path": "/", "query": [], "headers": {}})

    before = await door.headers()
    first = door.sealed(request)
    clock[0] = 3600.0
    later = door.sealed(request)
    assert await door.headers() is before
    (tmp_path / "secret").write_text("another, longer secret of nobody")
    assert await door.headers() is not before
    other = door.sealed(request)

    assert door.forget(before) is False
    assert len({one.headers["authorization"] for one in (first, later, other)}) == 3
    for one, secret in ((first, SECRET), (later, SECRET), (other, "another, longer secret of nobody")):
        assert one.headers["authorization"] == authorization(*of_wire(one), secret)


@kinds
async def test_an_api_that_repeats_what_it_was_sent_gives_nothing_away(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As these clouds do when a signature is wrong: they quote what they would have signed."""
    said: list[str] = []

    async def repeats(writer: Any) -> None:
        head = server.requests[-1]
        signature = head.split("Signature=")[1][:64]
        body = {"error_code": "APIGW.0301", "error_msg": f"{signature} {SECRET} {quote(signature)}"}
        said.append(signature)
        await sends(json.dumps(body).encode(), "401 Unauthorized")(writer)

    async with RawServer(repeats) as server:
        pool = ClientPool(loopback)
        door = pool.site(site_at(server.url, kind, tmp_path))
        with pytest.raises(Refused, match=r"answered 401 Unauthorized.*; \*\*\* \*\*\* \*\*\*$") as caught:
            await door.get_json("/x")
        await pool.aclose()

    assert len(server.requests) == 1  # a second signature of the same key would be no better
    shown = f"{caught.value!r} {caught.value} {caplog.text} {door!r} {vars(caught.value)}".encode()
    assert said[0].encode() not in shown
    assert not [form for form in forms(SECRET).values() if form in shown]
    assert SECRET not in server.requests[0]


@kinds
async def test_a_missing_secret_is_told_by_its_place(tmp_path: Path, kind: str) -> None:
    auth = Auth.model_validate({"kind": kind, "user": "AK1", "password": {"file": str(tmp_path / "none")}})

    with pytest.raises(Refused, match=r"secret missing: cannot read .*none"):
        await SigningSignIn(auth, SCHEMES[kind]).headers()


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        ({"kind": "huawei_ak_sk", "user": "a"}, "auth kind huawei_ak_sk takes user, password"),
        ({"kind": "alibaba_ak_sk", "user": "a", "password": {"env": "A"}, "url": "https://k"}, "takes user, password"),
        ({"kind": "alibaba_ak_sk", "user": "a", "password": "pasted"}, "a secret is not written in a file"),
    ],
)
def test_what_a_kind_needs(auth: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Auth.model_validate(auth)


CLOUDS = {"huawei_ak_sk": ("modelarts", {"project": "p1"}), "alibaba_ak_sk": ("pai", {})}


@kinds
def test_no_command_shows_the_secret_or_a_signature(tmp_path: Path, kind: str) -> None:
    """Asked of an API that answers with whatever it was sent, in several ways."""
    source, known = CLOUDS[kind]
    secret = made_up("Ks4nUqYf")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"reach": LOOPBACK}))
    auth = {"kind": kind, "user": "AK1", "password": {"env": "CLOUD_SECRET"}}
    ways = ("denied", "garbage", "broken", "moved")

    with repeating() as url:
        sites = [
            {"id": way, "name": way, "province": "安徽", "operator": "某"}
            | {"source": {"kind": source, "url": f"{url}/{way}", "auth": auth, "settings": known}}
            | {"pools": [{"id": "p", "model": "nvidia-a100-sxm4-80gb"}]}
            for way in ways
        ]
        (tmp_path / "sites.yaml").write_text(yaml.safe_dump({"sites": sites}, allow_unicode=True))
        commands = [("apply", "sites.yaml"), ("export",), ("site", "show", "denied", "--json"), ("audit", "--json")]
        commands += [("collect", "denied"), *(("collect", way, "--json") for way in ways)]
        done = [suanli(tmp_path, *words, CLOUD_SECRET=secret) for words in commands]

    said = "".join(one.out + one.err for one in done)
    assert [one.code for one in done[:4]] == [0] * 4
    assert {one.code for one in done[4:]} <= {1, 3}
    assert "=AK1" in said  # what was sent came back, and is shown in brief
    assert found_in({"said": said.encode()}, {"secret": secret}) == []
    assert re.findall(r"[0-9a-f]{64}", "".join(one.out + one.err for one in done[4:])) == []
