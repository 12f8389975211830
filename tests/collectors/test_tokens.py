"""Tokens: fetched once, renewed before they end, replaced when they are refused, and never shown."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import orjson
import pytest
from pydantic import ValidationError

from collectors.answers import Answer
from collectors.base import Refused, Unreadable
from collectors.tokens import GRANTS, TokenSignIn
from suanli.model.site import Auth


class Giver:
    """A fake of whoever gives tokens: token-1, token-2 ... with this life; a real one is in test_openstack_real.py."""

    def __init__(self, **body: Any) -> None:
        self.body = {"token_type": "Bearer", "expires_in": 100} | body
        self.status = 200
        self.asked: list[tuple[str, dict[str, str], bytes]] = []

    async def __call__(self, url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        self.asked.append((url, dict(headers), content))
        await asyncio.sleep(0)
        found = {"access_token": f"token-{len(self.asked)}", **self.body}
        body = {name: value for name, value in found.items() if value is not None}
        return Answer(self.status, httpx.Headers(), orjson.dumps(body))


def sign_in(tmp_path: Path, clock: list[float], **more: Any) -> TokenSignIn:
    secret = tmp_path / "secret"
    if not secret.exists():
        secret.write_text("s3cret pass&word")
    auth = {"kind": "oauth2", "url": "https://id.example/token", "user": "me:1", "password": {"file": str(secret)}}
    return TokenSignIn(Auth.model_validate(auth | more), GRANTS["oauth2"], lambda: clock[0])


async def test_it_is_asked_for_as_the_standard_says(tmp_path: Path) -> None:
    giver = Giver()

    headers = await sign_in(tmp_path, [0.0], scope="read gpu").headers(giver)

    assert headers == {b"Authorization": b"Bearer token-1"}
    ((url, sent, content),) = giver.asked
    assert url == "https://id.example/token"
    assert httpx.BasicAuth("me%3A1", "s3cret+pass%26word")._auth_header == sent["Authorization"]
    assert content == b"grant_type=client_credentials&scope=read+gpu"


async def test_some_want_the_secret_in_the_body_and_nowhere_else(tmp_path: Path) -> None:
    giver = Giver()

    await sign_in(tmp_path, [0.0], credentials_in="body").headers(giver)

    ((_, sent, content),) = giver.asked
    assert "Authorization" not in sent
    assert parse_qs(content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["me:1"],
        "client_secret": ["s3cret pass&word"],
    }


async def test_it_is_renewed_before_it_ends_and_not_by_each_poll(tmp_path: Path) -> None:
    clock, giver = [0.0], Giver()
    door = sign_in(tmp_path, clock)

    seen = []
    for at in (0.0, 1.0, 79.9, 80.0, 159.9, 160.0):
        clock[0] = at
        seen.append((await door.headers(giver))[b"Authorization"])

    assert seen == [f"Bearer token-{n}".encode() for n in (1, 1, 1, 2, 2, 3)]


@pytest.mark.parametrize("life", [None, "soon", -5, 0.5, [1]])
async def test_a_life_that_is_not_told_lasts_until_the_token_is_refused(tmp_path: Path, life: object) -> None:
    clock, giver = [0.0], Giver(expires_in=life)
    door = sign_in(tmp_path, clock)

    first = await door.headers(giver)
    clock[0] = 1e9
    assert await door.headers(giver) is first
    assert door.forget(first)
    assert (await door.headers(giver))[b"Authorization"] == b"Bearer token-2"


async def test_the_token_before_is_not_shown_either(tmp_path: Path) -> None:
    """A question that was asked with it may be answered after it was renewed."""
    clock, giver = [0.0], Giver()
    door = sign_in(tmp_path, clock)
    for at in (0.0, 80.0):
        clock[0] = at
        await door.headers(giver)

    assert door.hide("x token-1 y token-2 z") == "x *** y *** z"


async def test_many_who_need_one_wait_for_the_first_and_drop_it_once(tmp_path: Path) -> None:
    giver = Giver()
    door = sign_in(tmp_path, [0.0])

    found = await asyncio.gather(*(door.headers(giver) for _ in range(20)))
    assert len(giver.asked) == 1
    for headers in found:
        door.forget(headers)
        await door.headers(giver)

    assert len(giver.asked) == 2


async def test_another_secret_is_another_sign_in(tmp_path: Path) -> None:
    giver = Giver()
    door = sign_in(tmp_path, [0.0])
    await door.headers(giver)

    (tmp_path / "secret").write_text("another, longer secret")
    await door.headers(giver)

    assert len(giver.asked) == 2


@pytest.mark.parametrize(("status", "kind"), [(400, Refused), (401, Refused), (429, Refused), (500, Unreadable)])
async def test_who_gives_none_is_told_without_the_secret(tmp_path: Path, status: int, kind: type[Exception]) -> None:
    giver = Giver(access_token=None, error="invalid_client: s3cret pass&word is wrong")
    giver.status = status

    with pytest.raises(
        kind, match=rf"https://id\.example/token: no token is given, answered {status}; invalid_client: \*\*\*"
    ) as caught:
        await sign_in(tmp_path, [0.0]).headers(giver)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "body", [{"access_token": None}, {"access_token": ""}, {"token_type": "mac"}, {"access_token": 5}]
)
async def test_an_answer_without_a_token_is_unreadable(tmp_path: Path, body: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="no bearer token"):
        await sign_in(tmp_path, [0.0]).headers(Giver(**body))


async def test_a_token_that_no_header_can_carry_is_refused_and_the_token_is_hidden(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        await sign_in(tmp_path, [0.0]).headers(Giver(access_token="a\nb"))
    door = sign_in(tmp_path, [0.0])
    await door.headers(Giver())

    assert door.hide("x token-1 y s3cret%20pass%26word z s3cret+pass%26word") == "x *** y *** z ***"


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        ({"kind": "oauth2", "user": "a"}, "url, user, password; and may take scope, credentials_in"),
        ({"kind": "keystone", "url": "https://k/v3", "user": "a", "scope": "x"}, "may take project, domain"),
        ({"kind": "oauth2", "url": "ftp://x", "user": "a"}, "url"),
        ({"kind": "form", "user": "a"}, "form takes url, user, password; and may take user_field, password_field"),
        ({"kind": "query", "parameter": "key"}, "auth kind query takes parameter, token"),
        ({"kind": "basic", "user": "a", "url": "https://k"}, "auth kind basic takes user, password"),
    ],
)
def test_what_a_kind_needs(auth: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Auth.model_validate(auth)
