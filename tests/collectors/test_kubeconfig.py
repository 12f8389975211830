"""A kubeconfig: what is read of it, what is not done, and what its errors keep to themselves."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml

from collectors.base import CollectError, Refused
from collectors.client import ClientPool
from collectors.kubeconfig import Cluster, KubeconfigClient, cluster_of
from collectors.registry import check_source
from suanli.config import Config
from suanli.model.polled import PolledSite
from suanli.model.secret import SecretRef
from suanli.model.site import Auth, Site, Source
from suanli.registering.confined import unconfined
from tests.collectors.raw_server import RawServer, sends
from tests.reaching import loopback

TOKEN, KEY = "t0p-s3cret-token", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
CA = "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n"


def packed(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config(cluster: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> dict[str, Any]:
    """Two contexts: `main`, the current one, of what is given; `other` of a server without a user."""
    named = {"server": "https://k8s.example:6443", **(cluster or {})}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "main",
        "contexts": [
            {"name": "main", "context": {"cluster": "c", "user": "u"}},
            {"name": "other", "context": {"cluster": "d"}},
        ],
        "clusters": [{"name": "c", "cluster": named}, {"name": "d", "cluster": {"server": "https://d.example"}}],
        "users": [{"name": "u", "user": {"token": TOKEN} if user is None else user}],
    }


def read(tmp_path: Path, document: Any, context: str | None = None) -> Cluster:
    text = document if isinstance(document, str) else yaml.safe_dump(document)
    return cluster_of("szai-1", text, context, SecretRef(file=str(tmp_path / "szai-1.kubeconfig")))


def test_the_current_context_or_the_one_that_is_named(tmp_path: Path) -> None:
    found = read(tmp_path, config({"certificate-authority-data": packed(CA)}))
    assert (found.server, found.token, found.pem.ca) == ("https://k8s.example:6443", TOKEN, CA)
    other = read(tmp_path, config(), "other")
    assert (other.server, other.token, other.pem.cert) == ("https://d.example", "", "")


def test_data_and_files_say_the_same_and_data_comes_first(tmp_path: Path) -> None:
    for name, text in (("szai-1.crt", "CERT"), ("szai-1.key", KEY), ("szai-1.token", f"{TOKEN}\n")):
        (tmp_path / name).write_text(text)
    files = {"client-certificate": "szai-1.crt", "client-key": str(tmp_path / "szai-1.key")}
    user = files | {"tokenFile": "szai-1.token", "token": "older"}
    found = read(tmp_path, config(user=user))
    assert (found.pem.cert, found.pem.key, found.token) == ("CERT", KEY, TOKEN)
    assert [file.name for file in found.files] == ["szai-1.crt", "szai-1.key", "szai-1.token"]
    data = {"client-certificate-data": packed("DATA"), "client-key-data": packed(KEY)}
    assert read(tmp_path, config(user=user | data)).pem.cert == "DATA"


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ("- a list", "no YAML object"),
        ("{: :", "no YAML object"),
        (config() | {"current-context": "gone"}, "no context 'gone'"),
        (config() | {"clusters": []}, "no cluster 'c'"),
        (config() | {"users": None}, "no user 'u'"),
        (config({"server": ""}), "no server"),
        (config({"insecure-skip-tls-verify": True}), "insecure-skip-tls-verify, which is not done here: give the"),
        (config({"proxy-url": "http://p"}), "proxy-url, which is not done here"),
        (config({"certificate-authority-data": "§"}), "certificate-authority-data is no PEM"),
        (config(user={"exec": {"command": "aws"}}), "exec, which is not done here: no program is started"),
        (config(user={"username": "u", "password": TOKEN}), "password, which is not done here"),
        (config(user={"as": "root", "token": TOKEN}), "as, which is not done here"),
        (config(user={"client-key-data": packed(KEY)}), "only one of client-certificate and client-key"),
        (config(user={"token": 7}), "token is no text"),
        (config(user={"tokenFile": "szai-1.gone"}), "tokenFile: FileNotFoundError"),
        (config(user={"tokenFile": "/etc/shadow"}), "tokenFile names a file of another place"),
        (config(user={"tokenFile": "szai-10.token"}), "tokenFile names a file of another place"),
        (config(user={"tokenFile": "sub/szai-1.token"}), "tokenFile names a file of another place"),
        (config(user={"tokenFile": "../szai-1.token"}), "tokenFile names a file of another place"),
    ],
)
def test_what_is_not_done_is_refused_by_its_name(tmp_path: Path, document: Any, told: str) -> None:
    (tmp_path / "szai-10.token").write_text("of another site")
    with pytest.raises(Refused) as caught:
        read(tmp_path, document)
    assert told in str(caught.value)
    whole = "".join(traceback.format_exception(caught.value))
    assert not any(secret in whole for secret in (TOKEN, KEY, packed(KEY)))


def test_a_kubeconfig_in_a_variable_names_no_files() -> None:
    text = yaml.safe_dump(config(user={"tokenFile": "/run/token"}))
    with pytest.raises(Refused, match="none is read, where it comes from a variable"):
        cluster_of("szai-1", text, None, SecretRef(env="KUBE"))


async def door_of(file: Path, pool: ClientPool) -> KubeconfigClient:
    auth = Auth(kind="kubeconfig", kubeconfig=SecretRef(file=str(file)))
    found = pool.site(PolledSite("szai-1", Source(kind="kubernetes", auth=auth), (), 60, 5, 180))
    assert isinstance(found, KubeconfigClient)
    return found


async def test_it_is_read_again_when_it_changes_and_what_it_says_is_not_repeated(tmp_path: Path) -> None:
    file, token = tmp_path / "szai-1.kubeconfig", tmp_path / "szai-1.token"
    pool = ClientPool(loopback)
    values = (TOKEN, f"{TOKEN}-renewed")
    told = [sends(f'{{"message": "who is {value}?"}}'.encode(), "401 Unauthorized") for value in values]
    async with RawServer(*told) as server:
        file.write_text(yaml.safe_dump(config({"server": server.url}, {"tokenFile": "szai-1.token"})))
        door = await door_of(file, pool)
        for value in values:
            token.write_text(value)
            with pytest.raises(Refused, match="401") as caught:
                await door.get_json("/api/v1/nodes")
            assert server.header("Authorization") == f"Bearer {value}"
            assert TOKEN not in str(caught.value)
        file.write_text(yaml.safe_dump(config({"server": "http://169.254.169.254"})))
        with pytest.raises(Refused, match=r"169\.254\.169\.254"):
            await door.get_json("/api/v1/nodes")
        file.unlink()
        with pytest.raises(Refused, match="secret missing"):
            await door.get_json("/api/v1/nodes")
        assert len(server.requests) == 2
    await pool.aclose()


async def test_connections_of_a_certificate_that_was_replaced_are_ended(tmp_path: Path) -> None:
    file, pool, authority = tmp_path / "szai-1.kubeconfig", ClientPool(loopback), trustme.CA()
    door = await door_of(file, pool)
    for _ in range(3):
        pair = authority.issue_cert(common_name="suanli")
        cert, key = pair.cert_chain_pems[0].bytes().decode(), pair.private_key_pem.bytes().decode()
        user = {"client-certificate-data": packed(cert), "client-key-data": packed(key)}
        file.write_text(yaml.safe_dump(config({"server": "https://127.0.0.1:1025"}, user)))
        with pytest.raises(CollectError):
            await door.get_json("/")
        assert (len(pool._sessions), len(pool._contexts._known)) == (1, 1)
    await pool.aclose()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"url": "https://k8s.example"}, "leave out url and tls"),
        ({"tls": {"ca": "/etc/ca.pem"}}, "leave out url and tls"),
        ({"auth": {"kind": "kubeconfig"}}, "auth kind kubeconfig takes kubeconfig"),
        ({"auth": {"kind": "kubeconfig", "kubeconfig": "apiVersion: v1"}}, "a secret is not written in a file"),
    ],
)
def test_the_kubeconfig_alone_names_the_server(change: dict[str, Any], told: str) -> None:
    named = {"kind": "kubernetes", "auth": {"kind": "kubeconfig", "kubeconfig": {"file": "/k"}}}
    assert Source.model_validate(named).url is None
    with pytest.raises(ValueError, match=told):
        Source.model_validate(named | change)


def a_site(kind: str, file: str) -> Site:
    auth = {"kind": "kubeconfig", "kubeconfig": {"file": file}}
    source = {"kind": kind, "auth": auth}
    return Site.model_validate({"id": "szai-1", "name": "a", "province": "b", "operator": "c", "source": source})


def test_only_kinds_that_can_be_asked_so_are_and_only_with_a_file_of_ones_own() -> None:
    assert check_source(a_site("kubernetes", "/k")) == []
    assert "kind ray is not asked by a kubeconfig" in str(check_source(a_site("ray", "/k"))[0])
    told: Callable[[str], int] = lambda file: len(unconfined(a_site("kubernetes", file), None, Config()))  # noqa: E731
    folder = Config().registration.secrets
    assert (told(f"{folder}/szai-1.kubeconfig"), told(f"{folder}/szai-2.kubeconfig"), told("/root/.kube/config")) == (
        0,
        1,
        1,
    )
