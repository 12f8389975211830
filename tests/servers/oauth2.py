"""oauth2-mock-server: tokens that are really signed, for a client's credentials; oauth2/serve.cjs runs it.

Seen on it (7.2.1): ready after half a second; a hook that fails is answered with 500 and a page of HTML.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import trustme

from tests.servers.missing import need
from tests.servers.processes import Tree, free_port, fresh_folder, running

HERE = Path(__file__).with_name("oauth2")
INSTALL = ".ci/install-servers.sh"
CLIENT, SECRET = "suanli", "s3cret-of-the-client"


@dataclass(frozen=True)
class OAuth2Server:
    """One running server, which knows one client."""

    url: str
    folder: Path
    tree: Tree

    @property
    def ca(self) -> Path:
        """The authority of its certificate."""
        return self.folder / "ca.pem"

    def will(self, claims: dict[str, Any] | None = None, body: dict[str, Any] | None = None, **more: Any) -> None:
        """What it does from now on: claims of the token, body and status of the answer, crash; else as it is known."""
        wanted = {"client": CLIENT, "secret": SECRET, "status": 200, "claims": claims or {}, "body": body or {}, **more}
        written = self.folder / "wanted.new"
        written.write_text(json.dumps(wanted))
        written.replace(self.folder / "wanted.json")

    def asked(self) -> list[dict[str, Any]]:
        """How each token was asked for: way (header or body), id, grant, scope."""
        log = self.folder / "asked.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def modules_folder() -> Path:
    """Where .ci/install-servers.sh puts it."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "suanli" / "oauth2" / "node_modules"


@contextmanager
def oauth2_server(within: float = 60.0) -> Iterator[OAuth2Server]:
    """Serves on loopback with a certificate of an authority of its own."""
    node = need("node", "apt-get install --no-install-recommends nodejs")
    modules = Path(need(str(modules_folder() / ".bin" / "oauth2-mock-server"), INSTALL)).parents[1]
    url = f"https://127.0.0.1:{(port := free_port())}"
    with fresh_folder("oauth2") as folder:
        key, certificate = _certify(folder)
        command = [node, str(HERE / "serve.cjs"), str(modules), str(port), str(folder), str(key), str(certificate)]
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))

        def ready() -> bool:
            return httpx.get(f"{url}/jwks", verify=context, timeout=2, trust_env=False).is_success

        with running("oauth2", command, folder=folder, ready=ready, within=within) as tree:
            server = OAuth2Server(url, folder, tree)
            server.will()
            yield server


def _certify(folder: Path) -> tuple[Path, Path]:
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    own.private_key_pem.write_to_path(str(key))
    own.cert_chain_pems[0].write_to_path(str(certificate))
    return key, certificate
