"""Client credentials at a real OAuth 2.0 server, whose tokens a real API server of Kubernetes believes or not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from collectors.base import Http, Refused, Unreadable
from collectors.client import ClientPool, SiteClient
from collectors.registry import build
from collectors.tokens import OAuth2, TokenSignIn
from suanli.model.polled import PolledSite
from suanli.model.site import Source
from tests.collectors.cases import NOW
from tests.collectors.test_kubernetes_real import A100, add_node, pool
from tests.reaching import loopback
from tests.servers.kubernetes import Kubernetes, kubernetes_server
from tests.servers.oauth2 import CLIENT, SECRET, OAuth2Server, oauth2_server

BELIEVED = {"sub": "suanli", "aud": "suanli"}
"""What the cluster wants to see in a token: a user that may list nodes and pods, and itself."""
pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def giver() -> Iterator[OAuth2Server]:
    with oauth2_server() as server:
        yield server


@pytest.fixture(scope="module")
def cluster(giver: OAuth2Server) -> Iterator[Kubernetes]:
    """One node of eight devices; whoever the giver says that they are is believed."""
    who = ("--oidc-username-claim=sub", "--oidc-username-prefix=-")
    issuer = (f"--oidc-issuer-url={giver.url}", f"--oidc-ca-file={giver.ca}", "--oidc-client-id=suanli", *who)
    with kubernetes_server(*issuer) as server:
        add_node(server, "n1", 8)
        server.allow({"apiGroups": [""], "resources": ["nodes", "pods"], "verbs": ["list"]})
        yield server


@pytest.fixture(autouse=True)
def usual(giver: OAuth2Server) -> None:
    giver.will(BELIEVED)
    (giver.folder / "asked.jsonl").unlink(missing_ok=True)


@pytest.fixture
async def clients() -> AsyncIterator[ClientPool]:
    made = ClientPool(loopback)
    yield made
    await made.aclose()


@pytest.fixture
def site(giver: OAuth2Server, cluster: Kubernetes, tmp_path: Path) -> PolledSite:
    return site_of(giver, cluster, tmp_path)


def site_of(giver: OAuth2Server, cluster: Kubernetes, tmp_path: Path, **auth: Any) -> PolledSite:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "ca.pem").write_text(giver.ca.read_text() + cluster.ca.read_text())
    signed = {"kind": "oauth2", "url": f"{giver.url}/token", "user": CLIENT, "password": {"file": f"{tmp_path}/secret"}}
    source = Source.model_validate(
        {
            "kind": "kubernetes",
            "url": cluster.url,
            "auth": signed | auth,
            "tls": {"ca": f"{tmp_path}/ca.pem"},
            "settings": {"dynamic": False},
        }
    )
    return PolledSite("k8s", source, (pool("a100", A100),), interval=60, timeout=10.0, max_age=180)


async def devices(site: PolledSite, door: Http) -> dict[str, float | None]:
    return {one.pool: one.online_devices for one in await build(site, door).collect(NOW)}


@pytest.mark.parametrize(("way", "auth"), [("header", {}), ("body", {"credentials_in": "body", "scope": "read"})])
async def test_the_client_names_itself_in_either_way_and_the_polled_api_believes_the_token(
    giver: OAuth2Server, cluster: Kubernetes, clients: ClientPool, tmp_path: Path, way: str, auth: dict[str, str]
) -> None:
    site = site_of(giver, cluster, tmp_path, **auth)

    assert await devices(site, clients.site(site)) == {"a100": 8}

    asked = {"way": way, "id": CLIENT, "grant": "client_credentials"} | ({"scope": "read"} if auth else {})
    assert giver.asked() == [asked]


async def test_many_polls_renew_a_token_once_before_it_ends(
    giver: OAuth2Server, clients: ClientPool, site: PolledSite
) -> None:
    clock, door = [0.0], clients.site(site)
    assert isinstance(door, SiteClient)
    door.sign_in = TokenSignIn(site.source.auth, OAuth2(), lambda: clock[0])  # the server says that it lives an hour

    for at, tokens in ((0.0, 1), (2879.0, 1), (2881.0, 2), (5760.0, 2), (5762.0, 3)):
        clock[0] = at
        found = await asyncio.gather(*(devices(site, door) for _ in range(10)))
        assert found == [{"a100": 8}] * 10
        assert len(giver.asked()) == tokens


@pytest.mark.parametrize("wrong", [{"aud": "another-cluster"}, {"exp": int(time.time()) - 60}], ids=["other", "ended"])
async def test_a_token_that_the_polled_api_does_not_accept_is_replaced_once_and_then_refused(
    giver: OAuth2Server, clients: ClientPool, site: PolledSite, wrong: dict[str, Any]
) -> None:
    door = clients.site(site)
    giver.will(BELIEVED | wrong)

    with pytest.raises(Refused, match="answered 401 Unauthorized; the credentials are not accepted"):
        await devices(site, door)
    assert len(giver.asked()) == 2

    giver.will(BELIEVED)
    assert await devices(site, door) == {"a100": 8}
    assert len(giver.asked()) == 3


async def test_a_user_without_rights_is_refused_without_another_token(
    giver: OAuth2Server, clients: ClientPool, site: PolledSite
) -> None:
    giver.will(BELIEVED | {"sub": "somebody"})

    with pytest.raises(Refused, match=r"answered 403 Forbidden; the credentials do not suffice.*somebody"):
        await devices(site, clients.site(site))
    assert len(giver.asked()) == 1


async def test_a_wrong_secret_is_refused_and_not_shown_and_another_one_is_tried(
    giver: OAuth2Server, clients: ClientPool, site: PolledSite, tmp_path: Path
) -> None:
    door = clients.site(site)
    (tmp_path / "secret").write_text("wr0ng-secret")

    with pytest.raises(
        Refused, match=rf"{giver.url}/token: no token is given, answered 401; invalid_client: who is suanli with \*\*\*"
    ) as caught:
        await devices(site, door)
    assert "wr0ng" not in str(caught.value)

    (tmp_path / "secret").write_text(SECRET)
    assert await devices(site, door) == {"a100": 8}


UNREADABLE = [
    ({"status": 500, "body": {"error": "server_error"}}, "no token is given, answered 500; server_error"),
    ({"status": 503}, "no token is given, answered 503; "),
    ({"crash": True}, "no token is given, answered 500; .*Error: asked to"),
    ({"body": {"access_token": None}}, "no bearer token"),
    ({"body": {"token_type": "mac"}}, "no bearer token"),
]


@pytest.mark.parametrize(("wanted", "told"), UNREADABLE, ids=["500", "503", "crash", "none", "mac"])
async def test_a_giver_that_fails_is_unreadable_and_the_next_poll_asks_again(
    giver: OAuth2Server, clients: ClientPool, site: PolledSite, wanted: dict[str, Any], told: str
) -> None:
    door = clients.site(site)
    giver.will(BELIEVED, **wanted)

    with pytest.raises(Unreadable, match=told) as caught:
        await devices(site, door)
    assert SECRET not in str(caught.value)

    giver.will(BELIEVED)
    assert await devices(site, door) == {"a100": 8}
    assert len(giver.asked()) == 2


async def test_a_question_that_the_giver_does_not_understand_is_refused(
    giver: OAuth2Server, clients: ClientPool, site: PolledSite
) -> None:
    giver.will(BELIEVED, status=400, body={"error": "invalid_scope", "error_description": "read what?"})

    with pytest.raises(
        Refused, match=r"no token is given, answered 400; invalid_scope: read what\?; check the site's auth"
    ):
        await devices(site, clients.site(site))
