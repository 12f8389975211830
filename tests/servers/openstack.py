"""A real Keystone and a real Placement behind it: openstack/start.sh runs them, out of an environment of their own.

Seen on them: a token that has ended is refused with 401; a provider's generation grows with its allocations too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.servers.missing import need
from tests.servers.processes import Tree, free_ports, fresh_folder, running

HERE = Path(__file__).with_name("openstack")
INSTALL = ".ci/install-servers.sh"
PASSWORD = "suanli-test-password"
_PASSWORD_LOGIN = {
    "auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": "admin", "domain": {"name": "Default"}, "password": PASSWORD}},
        },
        "scope": {"project": {"name": "admin", "domain": {"name": "Default"}}},
    }
}


@dataclass
class OpenStack:
    """One running cloud of two services; keystone ends in /v3."""

    keystone: str
    placement: str
    folder: Path
    tree: Tree
    client: httpx.Client = field(repr=False)
    _token: str = ""

    def sign_in(self) -> str:
        """A fresh token of the administrator."""
        answer = self.client.post(f"{self.keystone}/auth/tokens", json=_PASSWORD_LOGIN).raise_for_status()
        self._token = answer.headers["X-Subject-Token"]
        return self._token

    def application_credential(self, name: str) -> tuple[str, str]:
        """Id and secret of a new application credential with the administrator's roles."""
        user = self.ask("GET", f"{self.keystone}/auth/tokens", headers={"X-Subject-Token": self.sign_in()})["token"]
        body = {"application_credential": {"name": name, "unrestricted": False}}
        path = f"{self.keystone}/users/{user['user']['id']}/application_credentials"
        made = self.ask("POST", path, body)["application_credential"]
        return made["id"], made["secret"]

    def put(self, path: str, body: Any = None) -> Any:
        """Asks Placement to make something."""
        return self.ask("PUT", f"{self.placement}{path}", body)

    def ask(self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """As the administrator; the decoded answer, None for an empty one, or an exception of httpx."""
        own = {"X-Auth-Token": self._token or self.sign_in(), "OpenStack-API-Version": "placement 1.39"}
        answer = self.client.request(method, url, json=body, headers={**own, **(headers or {})}).raise_for_status()
        return answer.json() if answer.content else None

    def add_user(self, name: str, password: str, *, project: str, role: str) -> None:
        """A user with this role in a new project, and in no other."""
        known = {one["name"]: one["id"] for one in self.ask("GET", f"{self.keystone}/roles")["roles"]}
        place = self.ask("POST", f"{self.keystone}/projects", {"project": {"name": project, "domain_id": "default"}})
        user = {"name": name, "password": password, "domain_id": "default"}
        made = self.ask("POST", f"{self.keystone}/users", {"user": user})["user"]["id"]
        self.ask("PUT", f"{self.keystone}/projects/{place['project']['id']}/users/{made}/roles/{known[role]}")

    def revoke(self, token: str) -> None:
        """From now on the token is refused."""
        self.ask("DELETE", f"{self.keystone}/auth/tokens", headers={"X-Subject-Token": token})


def python_file() -> Path:
    """The Python of the environment that the services are in."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "suanli" / "openstack" / "bin" / "python"


@contextmanager
def openstack_cloud(*, token_seconds: int = 3600, within: float = 90.0) -> Iterator[OpenStack]:
    """An empty cloud whose tokens hold for so many seconds."""
    python = need(str(python_file()), INSTALL)
    need("curl", "apt-get install --no-install-recommends curl")
    first, second = free_ports(2)
    with fresh_folder("openstack") as folder:
        start = ["bash", str(HERE / "start.sh"), python, str(folder), str(first), str(second), PASSWORD]
        command = [*start, str(token_seconds)]
        started = running("openstack", command, folder=folder, ready=(folder / "ready").exists, within=within)
        with started as tree, httpx.Client(timeout=30, trust_env=False) as client:
            keystone, placement = f"http://127.0.0.1:{first}/v3", f"http://127.0.0.1:{second}"
            yield OpenStack(keystone, placement, folder, tree, client)
