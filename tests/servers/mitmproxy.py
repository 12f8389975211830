"""A real mitmproxy in front of a real server: it spoils answers, and speaks TLS with an authority of its own.

Seen on it (11.0): ready after a second; the same port takes HTTP and HTTPS; a killed answer has not even a status line.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from tests.servers.missing import need
from tests.servers.processes import Tree, free_port, fresh_folder, running

FAULTS = Path(__file__).with_name("mitmproxy") / "faults.py"
INSTALL = ".ci/install-servers.sh"
Fault = Literal["none", "busy", "slow", "truncated", "cut", "killed", "page", "mislabelled", "empty"]


@dataclass(frozen=True)
class Mitmproxy:
    """One running proxy; whoever asks it asks the server behind it."""

    port: int
    folder: Path
    tree: Tree

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca(self) -> Path:
        """Its authority."""
        return self.folder / "mitmproxy-ca-cert.pem"

    def will(self, fault: Fault, after: int = 0) -> None:
        """Does this to each answer from now on, but not to the first so many."""
        _tell(self.folder, fault, after)


def _tell(folder: Path, fault: Fault, after: int) -> None:
    written = folder / "FAULT.new"
    written.write_text(json.dumps({"fault": fault, "after": after}))
    written.replace(folder / "FAULT.json")


def program_file() -> Path:
    """Where .ci/install-servers.sh puts it."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "suanli" / "mitmproxy" / "bin" / "mitmdump"


@contextmanager
def mitmproxy_before(
    url: str, *, port: int | None = None, keys: Path | None = None, within: float = 60.0
) -> Iterator[Mitmproxy]:
    """In front of this URL, which may have any certificate. keys: where its authority is kept, for one that goes on
    with it; its own certificate is made anew in any case."""
    program = need(str(program_file()), INSTALL)
    port = port or free_port()
    with nullcontext(keys) if keys else fresh_folder("mitmproxy") as folder:
        _tell(folder, "none", 0)
        where = ["--mode", f"reverse:{url}", "--listen-host", "127.0.0.1", "--listen-port", str(port)]
        command = [program, *where, "-s", str(FAULTS), "--set", f"confdir={folder}", "--ssl-insecure"]
        with running("mitmproxy", command, folder=folder, ready=lambda: _answers(port), within=within) as tree:
            yield Mitmproxy(port, folder, tree)


def _answers(port: int) -> bool:
    """Whatever the server behind it says."""
    return httpx.get(f"http://127.0.0.1:{port}/", timeout=5, trust_env=False).status_code > 0
