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
from tests.suanli.running import Ended
from tests.suanli.running import suanli as command

SITE = "far-1"


@contextmanager
def agent(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-m", "suanli", "push", "--config", str(folder / "agent.yaml")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "NO_PROXY": "127.0.0.1"}
    with (folder / "agent.log").open("ab") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(timeout=30)


def once(folder: Path, *words: str) -> Ended:
    return command(folder, "--lang", "en", "push", "--config", "agent.yaml", *words)


def registered(suanli: Instance) -> None:
    entry = {"from": "2025-01-01", "stage": "built", "pflops": 1e5, "source": "test"}
    pools = [{"id": "all", "model": "nvidia-h20-96gb", "capacity": [entry]}]
    facts = {"name": SITE, "province": "安徽", "operator": "test", "source": {"kind": "push", "interval": "1s"}}
    site = {"id": SITE, **facts, "pools": pools}
    (suanli.folder / "sites.yaml").write_text(yaml.safe_dump({"sites": [site]}), encoding="utf-8")
    assert command(suanli.folder, "apply", "sites.yaml").code == 0


def configured(folder: Path, suanli: Instance, source: str) -> None:
    """The source's figure is the second of its time, so that every slot has its own value."""
    settings = {"unit": "TFLOPS", "fields": {"online": "online", "used": "used"}, "time": "at"}
    asked = {"kind": "http_json", "url": f"http://{source}", "interval": "1s", "settings": settings}
    site = {"id": SITE, "source": asked, "pools": [{"id": "all", "model": "nvidia-h20-96gb"}]}
    told = {"server": suanli.url, "token": {"file": str(folder / "token")}, "queue": str(folder / "queue.db")}
    (folder / "agent.yaml").write_text(yaml.safe_dump(told | {"site": site}), encoding="utf-8")
    token = command(folder, "token", "create", "--owner", "agent", "--scope", f"push:{SITE}").out.strip()
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
        assert (last.code, last.data["result"], last.data["sent"], last.data["waiting"]) == (0, "ok", 1, 0)
        assert suanli.site(SITE)["online_pflops"] is not None
        assert suanli.stop() == 0
        no = once(tmp_path, "--once")
        assert (no.code, no.out) == (3, "0 samples pushed, 0 refused, 1 wait\n")
        assert "nothing more can be pushed now: the server does not answer" in no.err
        dry = once(tmp_path, "--dry-run", "--json")
        assert (dry.code, len(dry.data["samples"]), dry.data["waiting"], len(queued(tmp_path))) == (0, 1, 0, 1)
    after = stored(tmp_path)
    assert before.keys() | waiting <= after.keys()
    assert set(after.values()) == {1}
    assert column(tmp_path / "suanli.db", "SELECT COUNT(*) FROM replaced") == [0]
    shown = (tmp_path / "agent.log").read_text() + suanli.log() + last.out + no.err
    assert (tmp_path / "token").read_text() not in shown
