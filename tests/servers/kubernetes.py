"""A real API server of Kubernetes with its etcd: kubernetes/build.sh makes the program, kubernetes/start.sh runs it.

There is no kubelet: nodes, pods, slices and claims are posted with the status that they are to have.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import trustme

from tests.servers.missing import need
from tests.servers.processes import Tree, free_ports, fresh_folder, running, wait_until

HERE = Path(__file__).with_name("kubernetes")
INSTALL = "tests/servers/kubernetes/build.sh (or .ci/install-servers.sh)"
VERSION = "1.34.4"
ADMIN, READER = "suanli-admin-token", "suanli-reader-token"
_USERS = f'{ADMIN},admin,1,"system:masters"\n{READER},suanli,2\n'
CORE, DRA, RBAC = "/api/v1", "/apis/resource.k8s.io/v1", "/apis/rbac.authorization.k8s.io/v1"


@dataclass(frozen=True)
class Kubernetes:
    """One running API server; `READER` is a user without any right until `allow`."""

    url: str
    folder: Path
    tree: Tree
    client: httpx.Client = field(repr=False)
    clients: trustme.CA = field(repr=False)
    """A certificate of theirs says who somebody is: the user that is its common name."""

    @property
    def ca(self) -> Path:
        """The certificate to trust."""
        return self.folder / "pki" / "apiserver.crt"

    def request(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> Any:
        """Asks as administrator; the decoded answer, or an exception of httpx."""
        answer = self.client.request(method, self.url + path, json=body, headers={"Content-Type": kind})
        return answer.raise_for_status().json()

    def create(self, path: str, kind: str, name: str, **parts: Any) -> Any:
        """Posts an object of this kind, such as a Node; labels and annotations are parts like spec."""
        metadata = {"name": name} | {key: parts.pop(key) for key in ("labels", "annotations") if key in parts}
        version = path.split("/namespaces/")[0].removeprefix("/apis/").removeprefix("/api/")
        version = version if "/namespaces/" in path else version.rpartition("/")[0]
        return self.request("POST", path, {"apiVersion": version, "kind": kind, "metadata": metadata, **parts})

    def patch_status(self, path: str, status: Any) -> Any:
        """Merges into the status of an object."""
        return self.request("PATCH", f"{path}/status", {"status": status}, kind="application/merge-patch+json")

    def allow(self, *rules: dict[str, list[str]], name: str = "suanli") -> None:
        """A cluster role with these rules, bound to the reader; returns once the server acts on it."""
        self.create(f"{RBAC}/clusterroles", "ClusterRole", name, rules=list(rules))
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
        user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "suanli"}
        self.create(f"{RBAC}/clusterrolebindings", "ClusterRoleBinding", name, roleRef=role, subjects=[user])
        paths = [
            _list_of(group, resource) for rule in rules for group in rule["apiGroups"] for resource in rule["resources"]
        ]
        wait_until(lambda: all(map(self._may_read, paths)), within=10, what=f"the role {name}")

    def _may_read(self, path: str) -> bool:
        headers = {"Authorization": f"Bearer {READER}"}
        return self.client.get(self.url + path, params={"limit": "1"}, headers=headers).status_code != 403


def _list_of(group: str, resource: str) -> str:
    return f"/apis/{group}/v1/{resource}" if group else f"{CORE}/{resource}"


def program_file() -> Path:
    """Where build.sh puts the program by default."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "suanli" / f"kube-apiserver-{VERSION}"


@contextmanager
def kubernetes_server(*options: str, within: float = 60.0) -> Iterator[Kubernetes]:
    """An API server that holds nothing but what it makes by itself. options: of kube-apiserver."""
    program = need(str(program_file()), INSTALL)
    for tool, package in (("etcd", "etcd-server"), ("curl", "curl"), ("openssl", "openssl")):
        need(tool, f"apt-get install --no-install-recommends {package}")
    ports = [str(port) for port in free_ports(3)]
    with fresh_folder("kubernetes") as folder:
        (folder / "tokens.csv").write_text(_USERS)
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "clients.crt")
        start = ["bash", str(HERE / "start.sh"), program, str(folder), *ports, str(folder / "tokens.csv")]
        command = [*start, *options]
        ready = (folder / "ready").exists
        started = running("kubernetes", command, folder=folder, ready=ready, within=within)
        with started as tree, _client(folder / "pki" / "apiserver.crt") as client:
            yield Kubernetes(f"https://127.0.0.1:{ports[0]}", folder, tree, client, authority)


def _client(ca: Path) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(ca))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return httpx.Client(verify=context, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=30, trust_env=False)
