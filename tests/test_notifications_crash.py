"""kill -9 in the middle of delivering: every message reaches the receiver, in order, and at most some of them twice.

Twice comes the message that was under way when the process died, under the same id: its courier had not heard, or not
recorded, that it was taken.
"""

from __future__ import annotations

import random
import time
from functools import partial
from pathlib import Path

import pytest

from exporter.notify.letter import Letter
from suanli.store import notifications as queue
from suanli.store.sql import Store
from tests.exporter.notify.receivers import Receiver, webhook
from tests.instance import Instance, instance
from tests.servers.processes import wait_until

MESSAGES, KILLS = 12, 4
SECRET = "a1b2c3d4e5f60718"


@pytest.mark.slow
def test_what_is_in_the_queue_is_delivered_whenever_the_process_dies(tmp_path: Path) -> None:
    rng = random.Random(4)  # noqa: S311 - when to kill
    with webhook() as receiver, instance(tmp_path) as suanli:
        suanli.environment["HOOK"] = f"json://127.0.0.1:{receiver.port}/{SECRET}"
        suanli.configure(notify=[{"name": "hook", "url": {"env": "HOOK"}}])
        suanli.run("db", "upgrade")
        keys = _queued(tmp_path)
        for kill in range(KILLS):
            suanli.start()
            wait_until(partial(_has, receiver, 2 * kill), within=30, what="a message")
            time.sleep(rng.uniform(0.0, 1.0))
            suanli.kill()
            _leases_over(tmp_path)
        suanli.start()
        wait_until(lambda: set(_got(receiver)) == set(keys), within=60, what="every message")
        wait_until(lambda: _waiting(suanli) == 0, within=10, what="an empty queue")
        assert suanli.metric("suanli_notification_up", channel="hook") == 1
        assert suanli.stop() == 0
        got = _got(receiver)
        assert SECRET not in suanli.log()
    assert list(dict.fromkeys(got)) == keys
    assert len(got) <= MESSAGES + KILLS
    assert SECRET.encode() not in (tmp_path / "suanli.db").read_bytes()


def _queued(folder: Path) -> list[str]:
    store = Store(f"sqlite:///{folder}/suanli.db")
    with store.writing() as connection:
        for number in range(MESSAGES):
            letter = Letter(title=f"message {number}", text="x", markdown="x").model_dump_json()
            queue.enqueue(connection, "hook", "alerts", letter, store.now, 3600)
    with store.reading() as connection:
        keys = [row.key for row in reversed(queue.listed(connection, None, 100))]
    store.close()
    return keys


def _leases_over(folder: Path) -> None:
    """As if so much time had gone by that nobody else can be sending."""
    store = Store(f"sqlite:///{folder}/suanli.db")
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE notifications SET next_at = 0 WHERE state = 'pending'")
    store.close()


def _has(receiver: Receiver, more_than: int) -> bool:
    return len(receiver.got) > more_than


def _waiting(suanli: Instance) -> float | None:
    return suanli.metric("suanli_notifications_pending", channel="hook")


def _got(receiver: Receiver) -> list[str]:
    return [one.json["id"] for one in list(receiver.got)]
