"""Every way of signing in, at a server that repeats what it is told: no error, log or trail holds a secret of it."""

from __future__ import annotations

import itertools
import json
import logging
import traceback
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from aiohttp import web

from collectors.base import CollectError
from collectors.client import ClientPool
from collectors.exchange import Exchange
from suanli.model.polled import PolledSite
from suanli.model.site import AUTH_KINDS, Auth, Source
from tests.reaching import loopback
from tests.searching import found_in

SECRET = "Kd3rWmYe+/=%&'9QKd3rWmYeX7eYmWr3dK"
LENT = "Nc4oZbLh1vFqNc4oZbLh1vFqTt8"
"""What the server gives who signs in."""
SESSION = "Gx6yRsTuGx6yRsTu5oPqGx6yRsTu"
"""Given out by a cloud beside a temporary key."""
SECRETS = {"secret": SECRET, "lent": LENT, "session": SESSION}
HUAWEI = {"credential": {"access": "AK-1", "secret": SECRET, "securitytoken": SESSION}}
ALIBABA = {"Credentials": {"AccessKeyId": "AK-1", "AccessKeySecret": SECRET, "SecurityToken": SESSION}}
PARTS = 24
"""More than any request has."""


TURNS = itertools.count()


async def repeats(request: web.Request) -> web.Response:
    """500, with one part after the other of what came: of a long text only the beginning is ever shown."""
    parts = [request.path_qs, await request.text(), *request.headers.values()]
    told = json.dumps({"error": parts[next(TURNS) % len(parts)] or "nothing"})
    return web.Response(status=500, text=told, content_type="application/json")


async def signs_in(_request: web.Request) -> web.Response:
    """As each of the kinds that lend something wants it: in JSON, in a header, as a cookie."""
    answer = web.json_response(
        {"access_token": LENT, "token_type": "Bearer", "token": {"expires_at": "2099-01-01T00:00:00Z"}}, status=201
    )
    answer.headers.update({"X-Subject-Token": LENT, "X-Auth-Token": LENT, "Location": "/gone"})
    answer.set_cookie("sid", LENT)
    return answer


@pytest.fixture(params=[True, False], ids=["signed in", "sign-in fails"])
async def url(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    app = web.Application()
    if request.param:
        for path in ("/token", "/v3/auth/tokens", "/login", "/redfish/v1/SessionService/Sessions"):
            app.router.add_post(path, signs_in)
    app.router.add_route("*", "/{rest:.*}", repeats)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def auths(url: str, folder: Path) -> dict[str, dict[str, Any]]:
    """One of each kind."""

    def held(name: str, text: str) -> dict[str, str]:
        (folder / name).write_text(text)
        return {"file": str(folder / name)}

    secret = held("secret", SECRET)
    by_password: dict[str, Any] = {"user": "me", "password": secret}
    cluster = {"name": "c", "cluster": {"server": url}}
    user, context = {"name": "u", "user": {"token": SECRET}}, {"name": "x", "context": {"cluster": "c", "user": "u"}}
    config = {"clusters": [cluster], "users": [user], "contexts": [context], "current-context": "x"}
    return {
        "none": {},
        "basic": by_password,
        "bearer": {"token": secret},
        "header": {"header": "X-Key", "token": secret},
        "query": {"parameter": "key", "token": secret},
        "slurm": {"user": "me", "token": secret},
        "oauth2": {**by_password, "url": f"{url}/token", "credentials_in": "body"},
        "keystone": {**by_password, "url": f"{url}/v3"},
        "redfish": by_password,
        "form": {**by_password, "url": f"{url}/login"},
        "huawei_ak_sk": by_password,
        "alibaba_ak_sk": by_password,
        "huawei_sts": {"token": held("huawei", json.dumps(HUAWEI))},
        "alibaba_sts": {"token": held("alibaba", json.dumps(ALIBABA))},
        "kubeconfig": {"kubeconfig": held("config", yaml.safe_dump(config))},
    }


def test_every_kind_is_among_them(tmp_path: Path) -> None:
    assert auths("http://127.0.0.1:1", tmp_path).keys() == AUTH_KINDS.keys()
    assert tuple(AUTH_KINDS) == get_args(Auth.model_fields["kind"].annotation)


@pytest.mark.parametrize("kind", AUTH_KINDS)
async def test_nothing_that_is_told_holds_a_secret(
    kind: str, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    auth = Auth.model_validate({"kind": kind, **auths(url, tmp_path)[kind]})
    source = Source(kind="kubernetes", url=None if kind == "kubeconfig" else url, auth=auth)
    noted: list[Exchange] = []
    pool = ClientPool(loopback)
    try:
        door = pool.site(PolledSite("a", source, (), interval=5, timeout=5, max_age=15), noted.append)
        told = []
        for _ in range(PARTS):
            with pytest.raises(CollectError) as caught:
                await door.get_json("/api/v1/nodes", {"limit": "1"})
            told += [str(caught.value), *traceback.format_exception(caught.value)]
    finally:
        await pool.aclose()

    assert told
    assert "500" in told[0]
    trail = [text for one in noted for text in (one.fault, one.path, str(one.params), repr(one))]
    channels = {"error": "\n".join(told), "log": caplog.text, "trail": "\n".join(trail)}
    assert found_in({name: text.encode() for name, text in channels.items()}, SECRETS) == []
