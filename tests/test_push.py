"""The whole way with two real processes: `suanli push` near an HTTP source, and `suanli serve` far from it.

The server goes away, and the agent is killed (`kill -9`) while samples wait; what was ever acknowledged, by the agent's
queue or by the server, is in the server's record, and none of it twice.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.exporter_double import serving
from tests.instance import Instance, instance
from tests.servers.processes import wait_until

SITE = "far-1"


@contextmanager
def agent(folder: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "suanli", "push", "--config", str(folder / "agent.yaml")]
    with (folder / "agent.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment_of(environment))
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(timeout=30)


def environment_of(more: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "NO_PROXY": "127.0.0.1", **more}


def once(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "suanli", "--lang", "en", "push", "--config", str(folder / "agent.yaml"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment_of({}))


def registered(suanli: Instance) -> None:
    entry = {"from": "2025-01-01", "stage": "built", "pflops": 1e5, "source": "test"}
    pools = [{"id": "all", "model": "nvidia-h20-96gb", "capacity": [entry]}]
    facts = {"name": SITE, "province": "安徽", "operator": "test", "source": {"kind": "push", "interval": "1s"}}
    suanli.apply({"id": SITE, **facts, "pools": pools})


def configured(folder: Path, suanli: Instance, source: str) -> None:
    """The source's figure is the second of its time, so that every slot has its own value."""
    settings = {"unit": "TFLOPS", "fields": {"online": "online", "used": "used"}, "time": "at"}
    asked = {"kind": "http_json", "url": f"http://{source}", "interval": "1s", "settings": settings}
    site = {"id": SITE, "source": asked, "pools": [{"id": "all", "model": "nvidia-h20-96gb"}]}
    told = {"server": suanli.url, "token": {"file": str(folder / "token")}, "queue": str(folder / "queue.db")}
    (folder / "agent.yaml").write_text(yaml.safe_dump(told | {"site": site}), encoding="utf-8")
    token = suanli.run("token", "create", "--owner", "agent", "--scope", f"push:{SITE}").stdout.strip()
    (folder / "token").write_text(token, encoding="utf-8")


def answer(began: int) -> bytes:
    now = int(time.time())
    return json.dumps({"at": now, "online": now - began + 1, "used": 0}).encode()


def column(database: Path, query: str) -> list[Any]:
    with sqlite3.connect(database, timeout=10) as connection:
        return [row[0] for row in connection.execute(query)]


def stored(folder: Path) -> Counter[float]:
    return Counter(round(1000 * value) for value in column(folder / "suanli.db", "SELECT online_pflops FROM samples"))


def queued(folder: Path) -> set[float]:
    texts = column(folder / "queue.db", "SELECT sample FROM queue")
    return {round(1000 * json.loads(text)["online_pflops"]) for text in texts}


@pytest.mark.slow
def test_what_was_acknowledged_is_in_the_servers_record_once(tmp_path: Path) -> None:
    began = int(time.time())
    with serving(lambda _path: answer(began)) as source, instance(tmp_path) as suanli:
        suanli.configure()
        registered(suanli)
        configured(tmp_path, suanli, source)
        suanli.start()
        with agent(tmp_path) as first:
            wait_until(lambda: len(stored(tmp_path)) >= 2, within=30, what="samples to come through")
            assert suanli.metric("suanli_site_up", site=SITE) == 1
            suanli.kill()
            wait_until(lambda: len(queued(tmp_path)) >= 3, within=30, what="samples to wait")
            first.send_signal(signal.SIGKILL)
            first.wait(timeout=30)
        before, waiting = stored(tmp_path), queued(tmp_path)
        assert waiting
        suanli.start()
        with agent(tmp_path) as second:
            wait_until(lambda: waiting <= stored(tmp_path).keys(), within=30, what="the queue to be sent")
            second.terminate()
            assert second.wait(timeout=30) == 0
        assert queued(tmp_path) == set()
        last = once(tmp_path, "--once", "--json")
        told = json.loads(last.stdout)
        assert (last.returncode, told["result"], told["sent"], told["waiting"]) == (0, "ok", 1, 0)
        found = suanli.site(SITE)
        assert found["online_pflops"] is not None
        assert suanli.stop() == 0
    after = stored(tmp_path)
    assert before.keys() | waiting <= after.keys()
    assert set(after.values()) == {1}
    assert column(tmp_path / "suanli.db", "SELECT COUNT(*) FROM replaced") == [0]
    assert (tmp_path / "token").read_text() not in (tmp_path / "agent.log").read_text() + suanli.log() + last.stdout
    no = once(tmp_path, "--once")
    assert (no.returncode, "1 wait" in no.stdout) == (3, True), no
    assert "nothing more can be pushed now: the server does not answer" in no.stderr
