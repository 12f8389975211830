"""Temporary keys: signed with their token as the clouds' own SDKs do, replaced as one, and never shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from collectors.base import Refused
from collectors.client import ClientPool
from collectors.signing import SESSIONS, Acs3, Scheme, SdkHmac, Session, SessionSignIn
from suanli.model.polled import PolledSite
from suanli.model.site import Auth, Source
from tests.collectors.raw_server import RawServer, sends
from tests.oracle.signatures import authorization, of_head
from tests.reaching import loopback
from tests.searching import forms

VECTORS = Path(__file__).parent / "signatures" / "sessions.json"
SECRET, TOKEN = "made-up/secret+of=no body", "made-up-session-token/+=="
kinds = pytest.mark.parametrize("kind", sorted(SESSIONS))


def key_file(folder: Path, kind: str, user: str = "TEMPID", secret: str = SECRET, token: str = TOKEN) -> Path:
    """As the cloud's own answer holds it."""
    session = SESSIONS[kind]
    values = dict(zip(session.words, (user, secret, token), strict=True))
    file = folder / "key.json"
    file.write_text(json.dumps({session.within: values | {"expires_at": "2026-11-25T00:00:00Z"}}))
    return file


def auth_of(file: Path, kind: str) -> Auth:
    return Auth.model_validate({"kind": kind, "token": {"file": str(file)}})


@pytest.mark.parametrize("kind", ["huawei_sts", "alibaba_sts"])
async def test_as_the_clouds_own_sdk_signs_with_a_token(tmp_path: Path, kind: str) -> None:
    found = json.loads(VECTORS.read_text(encoding="utf-8"))[kind]
    known: dict[str, Scheme] = {"huawei_sts": SdkHmac(), "alibaba_sts": Acs3(lambda: found["nonce"])}
    named = SESSIONS[kind]
    session = Session(known[kind], named.within, named.words, named.token_header, named.id_header)
    file = key_file(tmp_path, kind, found["user"], found["secret"], found["token"])
    door = SessionSignIn(auth_of(file, kind), session, lambda: found["at"])
    await door.headers()

    sent = door.sealed(httpx.Request("GET", found["url"], headers=found["headers"]))

    assert sent.headers["Authorization"] == found["authorization"]
    assert sent.headers[named.token_header] == found["token"]


@kinds
async def test_what_arrives_is_signed_by_the_key_that_the_file_holds_then(tmp_path: Path, kind: str) -> None:
    file = key_file(tmp_path, kind)
    source = Source(kind="http_json", url="http://unused.example", auth=auth_of(file, kind))
    keys = [("TEMPID", SECRET, TOKEN), ("TEMPID2", f"{SECRET}2", f"{TOKEN}2")]
    async with RawServer(sends(b"{}")) as server:
        pool = ClientPool(loopback)
        site = PolledSite("s", source.model_copy(update={"url": server.url}), (), 60, 5.0, 180)
        door = pool.site(site)
        for user, secret, token in keys:
            key_file(tmp_path, kind, user, secret, token)
            await door.get_json("/v2/pools", {"a": "b c"})
        await pool.aclose()

    for head, (user, secret, token) in zip(server.requests, keys, strict=True):
        target, headers = of_head(head)
        assert headers["authorization"] == authorization(target, headers, secret)
        assert f"={user}," in headers["authorization"]
        name = SESSIONS[kind].token_header.lower()
        assert (headers[name], name in headers["authorization"]) == (token, True)


@kinds
async def test_neither_secret_nor_token_is_repeated(tmp_path: Path, kind: str) -> None:
    async with RawServer(sends(f"{TOKEN} {SECRET}".encode(), "401 Unauthorized")) as server:
        pool = ClientPool(loopback)
        source = Source(kind="http_json", url=server.url, auth=auth_of(key_file(tmp_path, kind), kind))
        with pytest.raises(Refused, match=r"answered 401 Unauthorized.*; \*\*\* \*\*\*$") as caught:
            await pool.site(PolledSite("s", source, (), 60, 5.0, 180)).get_json("/x")
        await pool.aclose()
    shown = f"{caught.value!r} {vars(caught.value)}".encode()
    assert not [form for secret in (SECRET, TOKEN) for form in forms(secret).values() if form in shown]


@kinds
@pytest.mark.parametrize("text", ["no json", "[]", "{}", '{"access": "a", "secret": "hidden-secret"}', '{"access": 1}'])
async def test_what_is_no_temporary_key_is_told_each_time_without_its_text(
    tmp_path: Path, kind: str, text: str
) -> None:
    file = key_file(tmp_path, kind)
    door: Any = SessionSignIn(auth_of(file, kind), SESSIONS[kind])
    await door.headers()
    file.write_text(text)
    for _ in range(2):  # the old key is not used on
        with pytest.raises(Refused, match=r"no temporary key: expected JSON with [aA]ccess") as caught:
            await door.headers()
        assert "hidden" not in str(caught.value)
    key_file(tmp_path, kind)
    await door.headers()
