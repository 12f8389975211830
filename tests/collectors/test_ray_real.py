"""The collector against a real Ray of three nodes; opt-in, as Ray is heavy (400 MB, and a minute to start).

python -m venv ray && ray/bin/pip install -r tests/servers/ray/requirements.txt
SUANLI_RAY=$PWD/ray/bin/python pytest tests/collectors/test_ray_real.py
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers.processes import Tree, fresh_folder, running, wait_until

PYTHON = os.environ.get("SUANLI_RAY", "")
RAY = Path(__file__).parents[1] / "servers" / "ray"
SITE = """
sites:
  - id: real
    name: Ray
    province: 安徽
    operator: 测试
    source: {kind: ray, url: "http://127.0.0.1:8265", timeout: 60s}
    pools:
      - {id: a100, model: nvidia-a100-sxm4-80gb}
      - {id: h100, model: nvidia-h100-sxm5-80gb}
      - {id: npu, model: huawei-ascend-910b3, match: {label: resource, value: NPU}}
"""

pytestmark = [
    pytest.mark.skipif(not PYTHON, reason="SUANLI_RAY does not name a Python that has Ray"),
    pytest.mark.slow,
    pytest.mark.timeout(600),
]


@dataclass(frozen=True)
class Cluster:
    """Three nodes in a network of their own."""

    tree: Tree
    folder: Path

    def inside(self, *command: str) -> list[str]:
        """A command within their network and among their processes."""
        first = str(self.tree.outer(int((self.folder / "pid").read_text())))
        return ["nsenter", "--target", first, "--pid", "--mount", "--net", *command]

    def suanli(self, *words: str) -> Any:
        """One command of ours, on a record of its own."""
        own = [sys.executable, "-m", "suanli", "--config", "config.yaml", *words, "--json"]
        environment = os.environ | {"PYTHONPATH": str(RAY.parents[2])}
        # nsenter with --mount leaves the folder behind.
        command = self.inside("env", "-C", str(self.folder), *own)
        done = subprocess.run(command, capture_output=True, timeout=180, env=environment, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def counted(self) -> dict[str, tuple[float, float, float | None]]:
        return {
            one["pool"]: (one["online_devices"], one["used_devices"], one["busy_pflops"])
            for one in self.suanli("collect", "real")["samples"]
        }


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with fresh_folder("ray") as folder:
        command = ["bash", str(RAY / "start.sh"), PYTHON, str(folder)]
        with running("ray", command, folder=folder, ready=(folder / "ready").exists, within=400) as tree:
            made = Cluster(tree, folder)
            (folder / "config.yaml").write_text("store: sqlite:///suanli.db\nreach: {networks: [127.0.0.0/8]}\n")
            (folder / "site.yaml").write_text(SITE)
            made.suanli("apply", "site.yaml")
            yield made


def test_what_is_there_what_is_held_and_what_a_dead_node_takes_with_it(cluster: Cluster) -> None:
    empty = {"a100": (8, 0, None), "h100": (4, 0, None), "npu": (8, 0, None)}
    wait_until(lambda: cluster.counted() == empty, within=60, what="three empty nodes", every=1)

    held = cluster.folder / "held"
    command = cluster.inside(PYTHON, str(RAY / "holding.py"), str(held))
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as holding:
        wait_until(held.exists, within=180, what="the devices that are held", every=0.5)
        full = {"a100": (8, 5.5, None), "h100": (4, 2, None), "npu": (8, 3, None)}
        wait_until(lambda: cluster.counted() == full, within=60, what="the count of what is held", every=1)

        os.kill(_raylet(cluster, "GPU,4"), signal.SIGKILL)
        del full["h100"]
        wait_until(lambda: cluster.counted() == full, within=120, what="the end of a node", every=1)
        holding.kill()


def _raylet(cluster: Cluster, resources: str) -> int:
    """The process of the node that has these."""
    for pid in cluster.tree.members():
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        if "raylet/raylet" in command and resources in command:
            return pid
    raise ProcessLookupError(resources)
