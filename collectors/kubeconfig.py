"""A kubeconfig: where a cluster's API server is and who we are to it. Read at each poll, anew where it has changed.

What stands in it is the only truth: nothing of it is kept in the registry. A file that it names is read only where it
belongs to the same site (its name begins alike, in the same folder): who writes a kubeconfig could else have any file
of this machine sent to the server that they name.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import yaml
from pydantic import JsonValue

from collectors.answers import Answer
from collectors.base import Decode, Http, Refused
from collectors.credentials import Credentials, Secret, encoded
from collectors.trust import Pem
from suanli.model.secret import Hidden, SecretRef
from suanli.model.site import Auth

_FLATTEN = "write all into one file: kubectl config view --raw --flatten --minify"
_CLUSTER = frozenset({"server", "certificate-authority", "certificate-authority-data", "extensions"})
_CLUSTER_HARMLESS = frozenset({"disable-compression"})
_USER = frozenset(
    {"client-certificate", "client-certificate-data", "client-key", "client-key-data", "token", "tokenFile"}
)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a kubeconfig says of one context. files: that it names, which are read again when they change."""

    server: str
    pem: Pem
    token: str = field(repr=False)
    files: tuple[Path, ...]


class KnownToken(Credentials):
    """`collectors.credentials.SignIn` of what a kubeconfig holds; a certificate alone needs no header."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(Auth())
        self._headers = encoded({"Authorization": f"Bearer {cluster.token}"}) if cluster.token else {}
        self._hide = Hidden(cluster.token, cluster.pem.key)

    def hide(self, text: str) -> str:
        return self._hide(text)


Doors = Callable[[Cluster], Http]


class KubeconfigClient:
    """`collectors.base.Http` of the cluster that a kubeconfig names. retire: ends the connections of what is over."""

    def __init__(self, site: str, auth: Auth, door: Doors, retire: Callable[[Pem], Awaitable[None]]) -> None:
        if auth.kubeconfig is None:
            raise ValueError("a kubeconfig is needed")
        self._site, self._context = site, auth.context
        self._ref, self._secret = auth.kubeconfig, Secret(auth.kubeconfig)
        self._open, self._retire = door, retire
        self._cluster: Cluster | None = None
        self._door: Http | None = None
        self._stamps: object = None

    async def get_json(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        decode: Decode = orjson.loads,
    ) -> JsonValue:
        return await (await self._current()).get_json(path, params, headers, decode)

    async def ask(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        return await (await self._current()).ask(path, params, headers, content)

    def at(self, _url: str) -> Http:
        raise Refused("a kubeconfig names one server, and no other is asked by it")

    async def _current(self) -> Http:
        """The same door until the kubeconfig or a file that it names has changed; Refused if it cannot be used."""
        changed = self._secret.changed()
        if self._door is None or changed or self._stamps != self._stamped():
            before, self._door = self._cluster, None
            self._cluster = cluster_of(self._site, self._secret.value, self._context, self._ref)
            self._stamps = self._stamped()
            if before is not None and before.pem != self._cluster.pem:
                await self._retire(before.pem)
            self._door = self._open(self._cluster)
        return self._door

    def _stamped(self) -> object:
        return [_stamp(file) for file in self._cluster.files] if self._cluster else None


def cluster_of(site: str, text: str, context: str | None, ref: SecretRef) -> Cluster:
    """What this text says of a context, its current one if none is named; Refused, telling nothing that it holds."""
    found = _Reader(_document(text), ref)
    named = context or found.document.get("current-context") or ""
    chosen = found.entry("contexts", "context", named)
    cluster = found.entry("clusters", "cluster", chosen.get("cluster"))
    user = found.entry("users", "user", chosen["user"]) if chosen.get("user") else {}
    found.refuse_others("cluster", cluster, _CLUSTER | _CLUSTER_HARMLESS)
    found.refuse_others("user", user, _USER)
    server = cluster.get("server")
    if not isinstance(server, str) or not server:
        raise Refused("the kubeconfig's cluster has no server")
    cert, key = found.pem(user, "client-certificate"), found.pem(user, "client-key")
    if bool(cert) != bool(key):
        raise Refused("the kubeconfig's user has only one of client-certificate and client-key")
    pem = Pem(site, found.pem(cluster, "certificate-authority"), cert, key)
    # As kubectl does: the file, where both are there.
    token = found.file(user, "tokenFile").strip() or found.text(user, "token")
    return Cluster(server, pem, token, tuple(found.files))


class _Reader:
    """One kubeconfig; its errors name keys and files, and never quote what stands there."""

    def __init__(self, document: dict[str, Any], ref: SecretRef) -> None:
        self.document, self._ref = document, ref
        self.files: list[Path] = []

    def entry(self, listed: str, inner: str, name: object) -> dict[str, Any]:
        """The `inner` of the element of a list that has this name."""
        rows = self.document.get(listed)
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and row.get("name") == name and isinstance(row.get(inner), dict):
                return dict(row[inner])
        raise Refused(f"the kubeconfig has no {inner} {str(name)[:60]!r}: check auth.context")

    def refuse_others(self, what: str, entry: Mapping[str, Any], known: frozenset[str]) -> None:
        """Programs that it would have started, unproved servers, proxies and impersonation are not for us to do."""
        for key in sorted(key for key, value in entry.items() if value and key not in known):
            raise Refused(f"the kubeconfig's {what} has {str(key)[:40]}, which is not done here: {_advice(str(key))}")

    def text(self, entry: Mapping[str, Any], key: str) -> str:
        value = entry.get(key) or ""
        if not isinstance(value, str):
            raise Refused(f"the kubeconfig's {key} is no text")
        return value

    def pem(self, entry: Mapping[str, Any], key: str) -> str:
        """What KEY-data holds, or else the file that KEY names."""
        data = self.text(entry, f"{key}-data")
        if not data:
            return self.file(entry, key)
        try:
            return base64.b64decode(data, validate=True).decode("ascii")
        except ValueError:
            raise Refused(f"the kubeconfig's {key}-data is no PEM in base64") from None

    def file(self, entry: Mapping[str, Any], key: str) -> str:
        name = self.text(entry, key)
        if not name:
            return ""
        path = self._own(name, key)
        self.files.append(path)
        try:
            return path.read_text(encoding="ascii")
        except (OSError, ValueError) as error:
            raise Refused(f"cannot read the file of the kubeconfig's {key}: {type(error).__name__}") from None

    def _own(self, name: str, key: str) -> Path:
        """A file beside the kubeconfig with the same beginning, up to the first dot: site.kubeconfig and site.crt."""
        home = Path(self._ref.file) if self._ref.file else None
        path = Path(name) if home is None else home.parent / name
        if home is None or path.parent != home.parent or path.name.split(".")[0] != home.name.split(".")[0]:
            begins = f"{home.parent / home.name.split('.')[0]}." if home else ""
            told = f"only files {begins}NAME are read" if home else "none is read, where it comes from a variable"
            raise Refused(f"the kubeconfig's {key} names a file of another place; {told}: {_FLATTEN}")
        return path


def _document(text: str) -> dict[str, Any]:
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        found = None
    if not isinstance(found, dict):
        raise Refused("what is named as a kubeconfig is none: no YAML object")
    return found


def _advice(key: str) -> str:
    if key == "insecure-skip-tls-verify":
        return "give the cluster's certificate-authority-data, so that it is known who answers"
    if key in ("exec", "auth-provider"):
        return "no program is started for a token: give a service account's token (rbac.yaml) or a client certificate"
    return "give a context without it"


def _stamp(file: Path) -> object:
    try:
        found = os.stat(file)
    except OSError:
        return object()  # never equal: reading it says what is wrong
    return found.st_mtime_ns, found.st_size, found.st_ino
