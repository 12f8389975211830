"""The examples of docs/adding-a-collector.md: the program is started, the plug-in is installed, and both count."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import collectors.registry
from collectors.plugins import Kinds
from tests.suanli.running import suanli

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
RACKS = [("A100", 8, 3), ("A100", 8, 8), ("H100", 4, 0), ("B300", 2, 2)]


def written(folder: Path, config: dict[str, Any], label: str, source: dict[str, Any]) -> None:
    """config.yaml and sites.yaml in this folder: a site with two pools, told apart by this label."""
    models = {"A100": "nvidia-a100-sxm4-80gb", "H100": "nvidia-h100-sxm5-80gb"}
    pools = [
        {"id": name.lower(), "model": model, "match": {"label": label, "value": name}} for name, model in models.items()
    ]
    site = {"id": "s", "name": "s", "province": "p", "operator": "o", "source": source, "pools": pools}
    (folder / "config.yaml").write_text(json.dumps(config), encoding="utf-8")
    (folder / "sites.yaml").write_text(json.dumps({"sites": [site]}), encoding="utf-8")


def pflops(collected: str) -> dict[str, Any]:
    """What `suanli collect --json` says of online and used."""
    return {pool["pool"]: (pool["online_pflops"], pool["used_pflops"]) for pool in json.loads(collected)["samples"]}


def test_the_program_of_the_documentation_is_a_source(tmp_path: Path) -> None:
    program, cards = tmp_path / "card_count.py", tmp_path / "cards.csv"
    shutil.copy(EXAMPLES / "card_count.py", program)
    cards.write_text("model,state\n" + "A100,busy\n" * 5 + "A100,free\n" * 2 + "A100,mending\nH100,free\n")
    programs = {"card-count": {"command": [str(program), str(cards)], "sites": ["s"]}}
    written(tmp_path, {"programs": programs}, "pool", {"kind": "exec", "settings": {"program": "card-count"}})

    assert suanli(tmp_path, "apply", "sites.yaml").code == 0
    found = suanli(tmp_path, "collect", "s", "--json")
    assert pflops(found.out) == {
        "a100": (pytest.approx(7 * 0.312), pytest.approx(5 * 0.312)),
        "h100": (pytest.approx(0.9894), 0.0),
    }
    cards.write_text("model,state\n")
    silent = suanli(tmp_path, "collect", "s")
    assert silent.code == 1
    assert f"program card-count ended with 1: {cards} lists no card at all" in silent.err


def test_a_program_that_config_yaml_does_not_give_cannot_be_registered(tmp_path: Path) -> None:
    written(tmp_path, {}, "pool", {"kind": "exec", "settings": {"program": "card-count"}})
    refused = suanli(tmp_path, "apply", "sites.yaml")
    assert refused.code == 2
    assert "config.yaml gives this site no program card-count: programs: {card-count: {command" in refused.err

    written(tmp_path, {}, "pool", {"kind": "exec", "settings": {"program": "sh", "command": ["/bin/sh", "-c", "id"]}})
    refused = suanli(tmp_path, "apply", "sites.yaml")
    assert refused.code == 2
    assert "what is started here is said in config.yaml alone" in refused.err


class _Rackview(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert self.path == "/api/racks?hall=2"
        racks = [{"model": model, "cards": cards, "rented": rented} for model, cards, rented in RACKS]
        body = json.dumps({"racks": racks}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def rackview() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Rackview) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_plug_in_of_the_documentation_is_installed_registered_and_counts(
    tmp_path: Path, rackview: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = {"networks": ["127.0.0.0/8"]}
    written(tmp_path, {"reach": reach}, "model", {"kind": "rackview", "url": rackview, "settings": {"hall": "2"}})
    without = suanli(tmp_path, "--lang", "en", "apply", "sites.yaml")
    assert "rackview: unknown kind of source; known: exec, file, " in without.err

    install(EXAMPLES / "plugin", tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "installed")
    monkeypatch.setattr(collectors.registry, "REGISTRY", Kinds({}))  # a process that starts now
    monkeypatch.delitem(sys.modules, "suanli_rackview", raising=False)
    assert suanli(tmp_path, "apply", "sites.yaml").code == 0
    found = suanli(tmp_path, "collect", "s", "--json")

    assert pflops(found.out) == {
        "a100": (pytest.approx(16 * 0.312), pytest.approx(11 * 0.312)),
        "h100": (pytest.approx(4 * 0.9894), 0.0),
    }
    assert {sample["reason"] for sample in found.data["samples"]} == {"2 devices of B300 match no pool"}
    assert Path(sys.modules["suanli_rackview"].__file__ or "").is_relative_to(tmp_path / "installed")


def install(package: Path, folder: Path) -> None:
    """As pip does it, of a copy, into a folder of its own; nothing is fetched."""
    shutil.copytree(package, folder / "plugin")
    options = ["-q", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    target = ["--target", str(folder / "installed"), str(folder / "plugin")]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, *target], capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 0, done.stderr[-3000:]
