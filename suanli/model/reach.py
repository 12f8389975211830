"""Which addresses are asked: the public ones, and those that whoever runs the instance opens (decision 0009)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import chain

from suanli.model.message import Message

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's special-purpose registries; metadata services are the clouds' own words.
_MAY_BE_OPENED = {
    Message("a private address"): "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
    Message("an address of this machine (loopback)"): "127.0.0.0/8 ::1/128",
    Message("a link-local address"): "169.254.0.0/16 fe80::/10",
    Message("a shared address (carrier-grade NAT)"): "100.64.0.0/10",
    Message("a benchmarking address"): "198.18.0.0/15 2001:2::/48",
    Message("an address of a local NAT64"): "64:ff9b:1::/48",
    # AWS, Azure and most others; ECS; Alibaba; Azure's host; AWS, Google, Scaleway, OpenStack on IPv6.
    Message("an address of a cloud's metadata, which gives out credentials"): (
        "169.254.169.254/32 169.254.170.2/32 169.254.170.23/32 169.254.42.42/32 169.254.0.23/32 100.100.100.200/32"
        " 168.63.129.16/32 192.0.0.192/32 fd00:ec2::/32 fd20:ce::254/128 fd00:42::42/128 fe80::a9fe:a9fe/128"
    ),
}
_STAYS_CLOSED = {
    Message("an unspecified address"): "0.0.0.0/8 ::/128",
    Message("a multicast address"): "224.0.0.0/4 ff00::/8",
    Message("the broadcast address"): "255.255.255.255/32",
    Message("a documentation address"): "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20",
    Message("a tunnel to an IPv4 address"): "192.88.99.0/24 2002::/16 2001::/32 ::/96 ::ffff:0:0:0/96",
    Message("a reserved address"): "192.0.0.0/24 240.0.0.0/4 2001::/23 ::/3 4000::/2 8000::/1",
}
_STANDS_FOR_IPV4 = frozenset({0xFFFF, 0x64FF9B << 64})  # the first 96 bits: mapped, and through the known NAT64
_ANYWHERE = (range(80, 81), range(443, 444), range(1024, 65536))


@dataclass(frozen=True, slots=True)
class _Special:
    """A range of addresses that are not public."""

    network: Network
    kind: str
    may_be_opened: bool


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be asked. networks: opened beyond the public addresses; ports: of any address."""

    networks: tuple[Network, ...] = ()
    ports: tuple[range, ...] = _ANYWHERE

    def fault(self, address: Address) -> str:
        """Why this address is not asked, and what to do; nothing where it may be."""
        meant = _meant(address)
        special = _special(meant)
        if special is None or any(_opens(network, meant, special) for network in self.networks):
            return ""
        told = (
            Message("{address} is {kind}", address=address, kind=special.kind)
            if meant == address
            else Message("{address} is {meant}, {kind}", address=address, meant=meant, kind=special.kind)
        )
        if not special.may_be_opened:
            return Message("{told}: give the API's own address", told=told)
        return Message(
            "{told}: if the API is really there, allow {network} under reach in config.yaml",
            told=told,
            network=special.network,
        )

    def port_fault(self, port: int) -> str:
        """Why this port is not asked, and what to do; nothing where it may be."""
        if any(port in ports for ports in self.ports):
            return ""
        allowed = ", ".join(map(ports_text, self.ports)) or "none"
        return Message(
            "port {port} is not asked (allowed: {allowed}): if the API is really there, add it to reach.ports",
            port=port,
            allowed=allowed,
        )


def network_of(value: object) -> Network:
    """A network as config.yaml writes it; a ValueError tells what would be right."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    network = _network(value)
    special = _special(network.network_address)
    if special and network.subnet_of(special.network):  # type: ignore[arg-type] # both are of one version
        if not special.may_be_opened:
            raise ValueError(
                Message(
                    "{network} cannot be allowed: it is part of {special}, {kind}",
                    network=network,
                    special=special.network,
                    kind=special.kind,
                )
            )
        return network
    if inner := _within(network):
        raise ValueError(
            Message(
                "{network} is wider than a closed range: name what is meant, such as {inner}",
                network=network,
                inner=inner,
            )
        )
    raise ValueError(Message("{network} is public, and public addresses are allowed already", network=network))


def ports_of(value: object) -> range:
    """A port or a range of ports (both ends in it) as config.yaml writes them."""
    first, dash, last = str(value).partition("-")
    numbers = [first, last if dash else first]
    if isinstance(value, bool) or not all(one.isascii() and one.isdecimal() and len(one) <= 5 for one in numbers):
        raise ValueError(Message("expected a port such as 443, or a range such as 1024-65535"))
    low, high = map(int, numbers)
    if not 1 <= low <= high <= 65535:
        raise ValueError(Message("expected ports from 1 to 65535, the lower one first"))
    return range(low, high + 1)


def ports_text(ports: range) -> str:
    """443 or 1024-65535."""
    return str(ports.start) if len(ports) == 1 else f"{ports.start}-{ports.stop - 1}"


def _network(value: object) -> Network:
    if not isinstance(value, str) or "/" not in value:
        raise ValueError(Message("expected a network such as 10.0.0.0/8 or fd12::/16"))
    try:
        return ip_network(value)
    except ValueError:
        pass
    try:
        meant = ip_network(value, strict=False)
    except ValueError:
        raise ValueError(Message("expected a network such as 10.0.0.0/8 or fd12::/16")) from None
    raise ValueError(Message("expected {meant}: {value} has bits beyond its prefix", meant=meant, value=value))


def _meant(address: Address) -> Address:
    if isinstance(address, IPv6Address) and int(address) >> 32 in _STANDS_FOR_IPV4:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _opens(network: Network, address: Address, special: _Special) -> bool:
    """Only a network within the closed range itself: none so wide that it opens what nobody thought of."""
    return address in network and network.subnet_of(special.network)  # type: ignore[arg-type] # of one version


def _special(address: Address) -> _Special | None:
    """The narrowest range that it is in."""
    return next((one for one in _specials() if address in one.network), None)


def _within(network: Network) -> Network | None:
    """The widest range inside this one that may be opened."""
    closed = [one.network for one in _specials() if one.may_be_opened and one.network.version == network.version]
    inside = [one for one in closed if one.subnet_of(network)]  # type: ignore[arg-type] # of one version
    return min(inside, key=lambda one: one.prefixlen, default=None)


@cache
def _specials() -> tuple[_Special, ...]:
    """The narrowest first."""
    told = chain(
        ((text, kind, True) for kind, text in _MAY_BE_OPENED.items()),
        ((text, kind, False) for kind, text in _STAYS_CLOSED.items()),
    )
    found = [_Special(ip_network(one), kind, opened) for text, kind, opened in told for one in text.split()]
    return tuple(sorted(found, key=lambda one: -one.network.prefixlen))


def address_of(text: str) -> Address | None:
    """The address that is written here in full; None for a name, and for an address written in another way."""
    try:
        return ip_address(text)
    except ValueError:
        return None
