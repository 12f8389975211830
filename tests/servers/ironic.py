"""A real Ironic (39.0) behind the Keystone of `openstack_cloud`: machines that are made up go through its real states.

Seen on it: a change of state takes a fifth of a second; it lists at most as many nodes as its operator allows, however
many are asked for; whoever may only read a project gets an empty list, and no refusal.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.servers.missing import need
from tests.servers.openstack import HERE, INSTALL, PASSWORD, OpenStack, python_file
from tests.servers.processes import Tree, free_port, fresh_folder, running, wait_until

_VERSION = {"X-OpenStack-Ironic-API-Version": "1.99"}


@dataclass(frozen=True)
class Ironic:
    """One running Ironic; its nodes are called by their names."""

    url: str
    folder: Path
    tree: Tree
    cloud: OpenStack = field(repr=False)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """As the administrator."""
        return self.cloud.ask(method, f"{self.url}/v1{path}", body, headers=_VERSION)

    def enroll(self, name: str, resource_class: str | None, **more: Any) -> None:
        """A new machine, which nobody can have yet."""
        made = {"driver": "fake-hardware", "name": name, "resource_class": resource_class, **more}
        self.ask("POST", "/nodes", {key: value for key, value in made.items() if value is not None})

    def offer(self, name: str) -> None:
        """From enrolled to available."""
        self.turn(name, "manage", "manageable")
        self.turn(name, "provide", "available")

    def give(self, name: str, **more: Any) -> None:
        """From available to active, or to where it gets stuck."""
        image = {"image_source": "http://127.0.0.1/image", "image_type": "whole-disk"}
        self.change(name, instance_info=image)
        self.turn(name, "active", more.pop("to", "active"), **more)

    def turn(self, name: str, target: str, to: str, **more: Any) -> None:
        """Asks for a change of state and waits for where it leads."""
        self.ask("PUT", f"/nodes/{name}/states/provision", {"target": target, **more})
        wait_until(lambda: self.state(name) == to, within=30, what=f"{name} to be {to}")

    def state(self, name: str) -> str:
        found = self.ask("GET", f"/nodes/{name}")
        state: str = found["provision_state"]
        return f"{state}, changing" if found["reservation"] else state

    def change(self, name: str, **fields: Any) -> None:
        self.ask("PATCH", f"/nodes/{name}", [{"op": "add", "path": f"/{key}", "value": fields[key]} for key in fields])

    def maintain(self, name: str) -> None:
        self.ask("PUT", f"/nodes/{name}/maintenance", {"reason": "a test"})

    def break_(self, name: str) -> None:
        """Notes a fault as its conductor does of power that fails: made-up power never does, so in its tables."""
        with closing(sqlite3.connect(self.folder / "ironic.sqlite", timeout=30)) as tables, tables:
            tables.execute("UPDATE nodes SET fault = 'power failure' WHERE name = ?", (name,))


@contextmanager
def ironic_server(cloud: OpenStack, *, page: int = 1000, within: float = 60.0) -> Iterator[Ironic]:
    """An Ironic without nodes, which lists at most ``page`` of them at once."""
    python = need(str(python_file()), INSTALL)
    port = free_port()
    with fresh_folder("ironic") as folder:
        start = ["bash", str(HERE / "ironic.sh"), python, str(folder), str(port), cloud.keystone, PASSWORD, str(page)]
        with running("ironic", start, folder=folder, ready=(folder / "ready").exists, within=within) as tree:
            yield Ironic(f"http://127.0.0.1:{port}", folder, tree, cloud)
