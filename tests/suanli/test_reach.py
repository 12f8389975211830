"""Which addresses are closed, and what config.yaml opens."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.config import Config, load_config
from suanli.model.errors import InputError
from suanli.model.reach import Address, Reach, network_of
from tests.suanli.making import SITES_YAML
from tests.suanli.running import contents, suanli

WIDE = ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10"]
METADATA = ["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254", "fe80::a9fe:a9fe"]


@given(st.ip_addresses())
def test_what_python_calls_not_global_is_closed(address: Address) -> None:
    meant = getattr(address, "ipv4_mapped", None) or address
    if not meant.is_global or meant.is_multicast:
        nat64 = ip_network("64:ff9b::/96")
        assert Reach().fault(address) != "" or address in nat64


@given(st.ip_addresses(v=4))
def test_what_is_global_is_open_but_for_what_we_know_better(address: Address) -> None:
    known = ["192.88.99.0/24", "168.63.129.16/32", "192.0.0.0/24"]
    if address.is_global and not address.is_multicast and not any(address in ip_network(one) for one in known):
        assert Reach().fault(address) == ""
        assert Reach().fault(ip_address(f"::ffff:{address}")) == ""
        assert Reach().fault(ip_address(f"64:ff9b::{address}")) == ""


@given(st.ip_addresses())
def test_an_open_network_opens_itself_and_no_more(address: Address) -> None:
    before = Reach().fault(address)
    opened = Reach(tuple(ip_network(one) for one in WIDE)).fault(address)
    inside = any(address in ip_network(one) for one in WIDE)
    assert opened == ("" if inside and "metadata" not in before else before) or "::" in str(address)


@pytest.mark.parametrize("text", METADATA)
def test_metadata_is_opened_by_its_own_name_only(text: str) -> None:
    everything = tuple(ip_network(one) for one in [*WIDE, "0.0.0.0/0", "::/0"])
    assert "metadata" in Reach(everything).fault(ip_address(text))
    assert Reach((ip_network(text),)).fault(ip_address(text)) == ""


@pytest.mark.parametrize("text", ["127.0.0.1", "10.0.0.1", "8.8.8.8", "::1", "fd12::1"])
def test_a_network_of_everything_opens_nothing(text: str) -> None:
    everything = Reach((ip_network("0.0.0.0/0"), ip_network("::/0")))
    assert everything.fault(ip_address(text)) == Reach().fault(ip_address(text))


# ---------------------------------------------------------------- config.yaml


def loaded(tmp_path: Path, text: str) -> Config:
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    return load_config(tmp_path / "config.yaml")


def test_a_site_has_what_is_said_for_all_and_for_itself(tmp_path: Path) -> None:
    reach = loaded(
        tmp_path,
        "reach:\n  networks: [10.0.0.0/8]\n  ports: [80, 6000-7000]\n  sites: {szai-1: [127.0.0.0/8, 'fd12::/16']}\n",
    ).reach
    ports = (range(80, 81), range(6000, 7001))
    assert reach.of("other") == Reach((IPv4Network("10.0.0.0/8"),), ports)
    own = (IPv4Network("127.0.0.0/8"), IPv6Network("fd12::/16"))
    assert reach.of("szai-1") == Reach((IPv4Network("10.0.0.0/8"), *own), ports)
    assert [bool(reach.of("x").port_fault(port)) for port in (79, 80, 81, 5999, 6000, 7000, 7001)] == [
        True, False, True, True, False, False, True,
    ]  # fmt: skip


def test_nothing_is_open_unless_said(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").reach.of("x") == loaded(tmp_path, "reach: {}\n").reach.of("x") == Reach()
    closed = [port for port in range(65537) if Reach().port_fault(port)]
    assert closed == [port for port in range(1024) if port not in (80, 443)] + [65536]


def test_it_is_shown_as_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("reach: {networks: [10.0.0.0/8], sites: {a: ['::1/128']}}\n")
    shown = suanli(tmp_path, "config", "check", "--json").data["reach"]
    assert shown == {
        "networks": ["10.0.0.0/8"],
        "ports": ["80", "443", "1024-65535"],
        "sites": {"a": ["::1/128"]},
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("reach: {network: []}\n", "1: reach.network: unknown key; did you mean networks?"),
        ("reach:\n  networks: [ten]\n", "2: reach.networks[0]: expected a network such as 10.0.0.0/8 or fd12::/16"),
        ("reach: {networks: [10.0.0.1]}\n", "1: reach.networks[0]: expected a network such as 10.0.0.0/8"),
        ("reach: {networks: [10]}\n", "1: reach.networks[0]: expected a network such as"),
        ("reach: {networks: [10.1.0.0/8]}\n", "1: reach.networks[0]: expected 10.0.0.0/8: 10.1.0.0/8 has bits beyond"),
        ("reach: {networks: [0.0.0.0/0]}\n", "1: reach.networks[0]: 0.0.0.0/0 is wider than a closed range: name "
         "what is meant, such as 10.0.0.0/8"),
        ("reach: {networks: ['::/0']}\n", "1: reach.networks[0]: ::/0 is wider than a closed range: name "
         "what is meant, such as fc00::/7"),
        ("reach: {networks: [8.8.8.0/24]}\n", "1: reach.networks[0]: 8.8.8.0/24 is public, and public addresses are"),
        ("reach: {networks: [224.0.0.0/8]}\n", "1: reach.networks[0]: 224.0.0.0/8 cannot be allowed: it is part of "
         "224.0.0.0/4, a multicast address"),
        ("reach: {networks: 10.0.0.0/8}\n", "1: reach.networks: should be a valid tuple"),
        ("reach: {sites: {a: [127.0.0.1/8]}}\n", "1: reach.sites.a[0]: expected 127.0.0.0/8"),
        ("reach: {sites: {A B: []}}\n", "1: reach.sites.A B: "),
        ("reach: {ports: [0]}\n", "1: reach.ports[0]: expected ports from 1 to 65535"),
        ("reach: {ports: [65536]}\n", "1: reach.ports[0]: expected ports from 1 to 65535"),
        ("reach: {ports: [90-80]}\n", "1: reach.ports[0]: expected ports from 1 to 65535, the lower one first"),
        ("reach: {ports: [http]}\n", "1: reach.ports[0]: expected a port such as 443, or a range such as 1024-65535"),
        ("reach: {ports: [true]}\n", "1: reach.ports[0]: expected a port such as 443"),
        ("reach: {ports: [80-]}\n", "1: reach.ports[0]: expected a port such as 443"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        loaded(tmp_path, text)
    assert str(caught.value).replace(f"{tmp_path}/", "").startswith(f"config.yaml:{told}")


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_a_network_that_may_be_named_opens_each_of_its_addresses_but_metadata(address: Address, length: int) -> None:
    network = ip_network(f"{address}/{length}", strict=False)
    try:
        named = network_of(str(network))
    except ValueError:
        return
    for one in (named.network_address, named.broadcast_address):
        assert "metadata" in (fault := Reach((named,)).fault(one)) or fault == ""


# ---------------------------------------------------------------- at registration


def test_apply_refuses_a_closed_address_and_tells_the_remedy_which_helps(tmp_path: Path) -> None:
    (tmp_path / "sites.yaml").write_text(SITES_YAML.replace("https://portal.example", "http://10.1.2.3:8080"))
    before = contents(tmp_path)
    ended = suanli(tmp_path, "apply", "sites.yaml", "--dry-run")
    assert ended.code == 2
    assert ended.err.startswith(
        "suanli: sites.yaml:6: sites[0].source.url: 10.1.2.3 is a private address: "
        "if the API is really there, allow 10.0.0.0/8 under reach in config.yaml"
    )
    assert {name for name in contents(tmp_path) if name not in before} <= {"suanli.db"}
    for policy, code in (
        ("{networks: [10.0.0.0/8]}", 0),
        ("{sites: {wh-1: [10.1.2.3/32]}}", 0),
        ("{sites: {wh-2: [10.1.2.3/32]}}", 2),
    ):
        (tmp_path / "config.yaml").write_text(f"reach: {policy}\n")
        assert suanli(tmp_path, "apply", "sites.yaml", "--dry-run").code == code
