"""sushy-tools: OpenStack's emulator of BMCs, with machines that are made up. It has no accelerators and no sessions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.servers.missing import need
from tests.servers.processes import Tree, free_port, fresh_folder, running

INSTALL = ".ci/install-servers.sh"
USER, PASSWORD = "suanli", "suanli-test-password"
_KNOWN = f"{USER}:$2b$04$yMYU8cDW4royNkCEAJx9J.SYTkKBBva3P/U.gUYSpxAuWru2Q09D2\n"  # bcrypt's of the password
_CONFIG = """\
SUSHY_EMULATOR_FAKE_DRIVER = True
SUSHY_EMULATOR_STATE_DIR = {folder!r}
SUSHY_EMULATOR_AUTH_FILE = {known!r}
SUSHY_EMULATOR_FAKE_SYSTEMS = [
    {{"uuid": "11111111-1111-4111-8111-111111111111", "name": "n1", "power_state": {power!r}, "nics": []}},
    {{"uuid": "22222222-2222-4222-8222-222222222222", "name": "n2", "power_state": "Off", "nics": []}},
]
"""


def folder_of_redfish() -> Path:
    """The environment that sushy-tools and DMTF's validator are in, with the validator's schemas."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "suanli" / "redfish"


@dataclass
class Sushy:
    """Two machines."""

    url: str
    tree: Tree


@contextmanager
def sushy_emulator(power: str = "Off", within: float = 60.0) -> Iterator[Sushy]:
    """Serves it on loopback; power: of the first machine, the second one is off."""
    program = need(str(folder_of_redfish() / "bin" / "sushy-emulator"), INSTALL)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with fresh_folder("sushy") as folder:
        config, known = folder / "sushy.conf", folder / "known"
        known.write_text(_KNOWN)
        config.write_text(_CONFIG.format(folder=str(folder), known=str(known), power=power))
        command = [program, "--config", str(config), "--fake", "-i", "127.0.0.1", "-p", str(port)]
        ready = f"{url}/redfish/v1/"
        with running("sushy", command, folder=folder, ready=lambda: _answers(ready), within=within) as tree:
            yield Sushy(url, tree)


def _answers(url: str) -> bool:
    return httpx.get(url, auth=(USER, PASSWORD), timeout=2, trust_env=False).is_success
