"""TLS by our own certificate, and the client's address behind a proxy, with a real `suanli serve`."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from suanli.access.lockout import FAILURES
from suanli.config import Config, TlsConfig, check_certificate
from suanli.model.errors import InputError
from suanli.model.yamlfile import YamlFile
from tests.instance import Instance, instance

CLIENT, OTHER = "203.0.113.7", "198.51.100.9"
WRONG = f"Bearer suanli_{'0' * 12}_{'0' * 64}"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Instance]:
    (tmp_path / "server").mkdir()
    with instance(tmp_path / "server") as made:
        yield made


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


def certified(authority: trustme.CA, folder: Path) -> dict[str, str]:
    """The `tls` of config.yaml."""
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    made.private_key_pem.write_to_path(folder / "key.pem")
    return {"cert": str(folder / "cert.pem"), "key": str(folder / "key.pem")}


def test_our_own_certificate_is_shown(server: Instance, authority: trustme.CA, tmp_path: Path) -> None:
    server.configure(tls=certified(authority, tmp_path))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with httpx.Client(verify=trusting, trust_env=False) as client:
        server.start(lambda: client.get(f"https://{server.address}/readyz").is_success)
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://{server.address}/healthz", trust_env=False)
    assert f"https://{server.address}/" in server.log()


@pytest.mark.parametrize("missing", ["cert", "key"])
def test_a_missing_certificate_is_told_at_the_start(
    server: Instance, authority: trustme.CA, tmp_path: Path, missing: str
) -> None:
    tls = certified(authority, tmp_path) | {missing: str(tmp_path / "nowhere.pem")}
    server.configure(tls=tls)
    done = server.run("serve", check=False)
    assert done.returncode == 2
    assert "nowhere.pem cannot be read: No such file or directory" in done.stderr
    assert f"tls.{missing}" in done.stderr
    assert "config.yaml:" in done.stderr


def test_what_is_no_pair_is_told(authority: trustme.CA, tmp_path: Path) -> None:
    tls = certified(authority, tmp_path)
    (tmp_path / "other.pem").write_bytes(authority.issue_cert("127.0.0.1").private_key_pem.bytes())
    (tmp_path / "garbage.pem").write_text("garbage")
    for wrong in ({"key": str(tmp_path / "other.pem")}, {"cert": str(tmp_path / "garbage.pem")}):
        with pytest.raises(InputError, match="are no certificate with its key"):
            check_certificate(TlsConfig.model_validate(tls | wrong))


def test_a_key_with_a_password_is_refused_and_not_asked_for(authority: trustme.CA, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    tls = certified(authority, tmp_path)
    key = serialization.load_pem_private_key(Path(tls["key"]).read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"a password")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    Path(tls["key"]).write_bytes(key.private_bytes(*form))
    with pytest.raises(InputError, match="without a password"):
        check_certificate(TlsConfig.model_validate(tls))


def asked(server: Instance, **headers: str) -> int:
    """The status of reading the sites with these headers."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.get(f"{server.url}/api/v1/sites", headers=sent, trust_env=False).status_code


def starts(server: Instance, **config: Any) -> None:
    server.configure(**config)
    server.start(lambda: httpx.get(f"{server.url}/healthz", trust_env=False).is_success)


def token(server: Instance, *more: str) -> str:
    words = ("token", "create", "--owner", "a tester", "--scope", "read", *more)
    return f"Bearer {server.run(*words).stdout.strip()}"


def test_behind_a_proxy_who_guesses_is_locked_out_and_nobody_else(server: Instance) -> None:
    starts(server, trusted_proxies=["127.0.0.1"])
    right = token(server)
    for _ in range(FAILURES):
        assert asked(server, authorization=WRONG, x_forwarded_for=f"{OTHER}, {CLIENT}") == 401
    assert asked(server, authorization=right, x_forwarded_for=CLIENT) == 429
    assert asked(server, authorization=right, x_forwarded_for=f"{CLIENT}, {OTHER}") == 200


def test_behind_a_proxy_a_token_s_networks_are_the_client_s(server: Instance) -> None:
    starts(server, trusted_proxies=["127.0.0.1"])
    bound = token(server, "--network", f"{CLIENT}/32")
    assert asked(server, authorization=bound, x_forwarded_for=CLIENT) == 200
    assert asked(server, authorization=bound, x_forwarded_for=OTHER) == 403
    assert asked(server, authorization=bound) == 403


def test_behind_a_proxy_reading_needs_a_token(server: Instance) -> None:
    starts(server, trusted_proxies=["127.0.0.1"])
    assert asked(server, x_forwarded_for=CLIENT) == 401
    assert asked(server) == 401


@pytest.mark.parametrize("proxies", [[], ["192.0.2.1"]])
def test_of_anybody_else_no_word_on_the_client_is_believed(server: Instance, proxies: list[str]) -> None:
    starts(server, trusted_proxies=proxies)
    bound = token(server, "--network", f"{CLIENT}/32")
    assert asked(server, authorization=bound, x_forwarded_for=CLIENT) == 403


@pytest.mark.parametrize("wrong", ["*", "proxy.example", "10.0.0.1/8", "0.0.0.0/0", "::/0", ""])
def test_a_proxy_is_named_by_its_address(wrong: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"trusted_proxies: ['{wrong}']\n")
    with pytest.raises(InputError, match="trusted_proxies"):
        YamlFile.read(file).load(Config)
