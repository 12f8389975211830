"""Which words of an answer tell whose it is: by the key that they stand at, and by how they look. Pure."""

from __future__ import annotations

import re
from functools import lru_cache

_ENTITIES = frozenset(("nodes", "items", "hosts", "servers", "hypervisors", "resourceproviders", "machines"))
_EXACT = {
    "host": "host node instance exportedinstance fqdn server servername machine address ip ipaddress dnsname",
    "name": "namespace project projectname projectid tenant tenantid domainname pod podname jobname workload",
    "user": "owner account creator createdby submitter organization contact login userid author",
    "id": "machineid bootid assettag servicetag wwn mac macaddress",
    "token": "continue cursor marker session sessionid accesskeyid",
    "text": "comment description message note notes remark reason extra env args command image imageid containerid",
}
_BY_KEY = {key: kind for kind, keys in _EXACT.items() for key in keys.split()}
_ENDS = {
    "host": ("hostname", "nodename"),
    "name": ("namespace",),
    "user": ("username", "user"),
    "mail": ("mail",),
    "id": ("uuid", "uid", "serial", "serialnumber"),
    "token": ("cursor", "token", "apikey", "accesskey", "signature"),
}
_CONTAINS = ("password", "passwd", "secret", "credential", "authorization", "cookie", "privatekey")


@lru_cache(4096)
def plain(key: str) -> str:
    """`kubernetes.io/host-name` and `HostName` are one key."""
    last = re.split(r"[/.]", key)[-1]
    return "".join(char for char in last.lower() if char.isalnum())


@lru_cache(4096)
def kind_of(key: str, listed: str = "") -> str:
    """What stands at this key: a kind of `standins.KINDS`, or "" if it tells of nobody. listed: in a list of what."""
    word = plain(key)
    if word == "name":
        return "name" if listed in _ENTITIES else ""
    if found := _BY_KEY.get(word):
        return found
    if any(part in word for part in _CONTAINS):
        return "token"
    return next((kind for kind, ends in _ENDS.items() if word.endswith(ends)), "")


_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = rf"(?<![\d.]){_BYTE}(?:\.{_BYTE}){{3}}(?!\.?\d)"
_HEX = "[0-9A-Fa-f]"
_PATTERNS = {
    "pem": r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)",
    "login": r"(?<=://)[^/@\s\"']+(?=@)",
    "mail": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
    "mac": rf"(?<![0-9A-Za-z:-]){_HEX}{{2}}(?:[:-]{_HEX}{{2}}){{5}}(?![0-9A-Za-z:-])",
    "uuid": rf"(?<!{_HEX}){_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}(?!{_HEX})",
    "hex": rf"(?<![0-9A-Za-z]){_HEX}{{20,}}(?![0-9A-Za-z])",
    "ipv6": rf"(?<![0-9A-Za-z:.])(?:{_HEX}{{0,4}}:){{2,7}}(?:{_IPV4}|{_HEX}{{0,4}})(?![0-9A-Za-z:])",
    "ipv4": _IPV4,
    "token": r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+)*={0,2}",
    "long": r"(?<![A-Za-z0-9+_])(?=\w*\d)(?=\w*[a-z])(?=\w*[A-Z])[A-Za-z0-9+_]{32,}={0,2}",
}
LOOKS = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _PATTERNS.items()), re.ASCII | re.DOTALL)
"""What can be told by its looks alone, wherever it stands; the group says what."""

WORD = re.compile(r"[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*", re.ASCII)
"""Words as hosts and users are written; of their parts each may be one."""
URL_HOST = re.compile(r"://(?:[^/@\s\"']*@)?([A-Za-z0-9._-]+)", re.ASCII)
_PARAMETER = re.compile(r"[?&]([A-Za-z0-9_.-]+)=([^&#\s\"'<>]+)", re.ASCII)
_LABEL = re.compile(r"([A-Za-z_][\w.:-]*)\s*=\s*\"([^\"]*)\"|<([A-Za-z_][\w.:-]*)[^<>]*>([^<>]+)<", re.ASCII)


def parameters(text: str) -> list[tuple[str, str]]:
    """The query of an address within a text."""
    return _PARAMETER.findall(text)


def labels(text: str) -> list[tuple[str, str]]:
    """What stands at a name in an exposition's labels, in XML's attributes and in its elements."""
    return [(one or three, two or four) for one, two, three, four in _LABEL.findall(text)]
