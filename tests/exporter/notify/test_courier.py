"""Each channel by itself: what becomes of its messages, and of the others when it hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from exporter.notify.courier import Courier
from exporter.notify.letter import Letter
from exporter.notify.metrics import Notifications
from suanli.model.delivery import Delivery
from suanli.model.secret import SecretRef
from suanli.store import notifications as queue
from suanli.store.sql import Store
from tests.exporter.notify.alerts import a_channel
from tests.suanli.making import T0, Clock, a_store

LETTER = Letter(title="t", text="x", markdown="x")


@pytest.fixture
def store() -> Iterator[Store]:
    with a_store(clock=Clock(T0)) as made:
        yield made


def put(store: Store, *channels: str) -> None:
    with store.writing() as connection:
        for channel in channels:
            queue.enqueue(connection, channel, "alerts", LETTER.model_dump_json(), store.now, 3600)


async def test_a_channel_that_hangs_keeps_no_other_waiting_and_ends_with_the_instance(store: Store) -> None:
    reached = asyncio.Event()
    delivered = asyncio.Event()

    async def hang(_url: SecretRef, _key: str, _letter: Letter) -> Delivery:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def take(_url: SecretRef, _key: str, _letter: Letter) -> Delivery:
        await reached.wait()
        delivered.set()
        return Delivery(True)

    put(store, "hangs", "works")
    couriers = [Courier(store, a_channel("hangs"), hang, grace=0.1), Courier(store, a_channel("works"), take)]
    tasks = [asyncio.create_task(one.run()) for one in couriers]
    async with asyncio.timeout(30):
        await delivered.wait()
        for courier in couriers:
            courier.stop()
        await asyncio.gather(*tasks)
    with store.reading() as connection:
        assert queue.pending(connection) == {"hangs": 1}


async def test_metrics_tell_what_waits_what_failed_and_whether_a_channel_is_up(store: Store) -> None:
    async def refuse(_url: SecretRef, _key: str, _letter: Letter) -> Delivery:
        return Delivery(False, "it answers 503")

    async def take(_url: SecretRef, _key: str, _letter: Letter) -> Delivery:
        return Delivery(True)

    put(store, "down", "down", "works")
    down, works, idle = (
        Courier(store, a_channel("down"), refuse),
        Courier(store, a_channel("works"), take),
        Courier(store, a_channel("idle"), take),
    )
    assert [await one.deliver() for one in (down, works, idle)] == [True, True, False]
    registry = CollectorRegistry()
    registry.register(Notifications(store, [down, works, idle]))
    lines = set(generate_latest(registry).decode().splitlines())
    assert {line for line in lines if not line.startswith("#")} == {
        'suanli_notifications_pending{channel="down"} 2.0',
        'suanli_notifications_pending{channel="works"} 0.0',
        'suanli_notifications_pending{channel="idle"} 0.0',
        'suanli_notifications_failed_total{channel="down"} 1.0',
        'suanli_notifications_failed_total{channel="works"} 0.0',
        'suanli_notifications_failed_total{channel="idle"} 0.0',
        'suanli_notification_up{channel="down"} 0.0',
        'suanli_notification_up{channel="works"} 1.0',
    }


async def test_a_fault_of_our_own_ends_the_courier_and_is_not_hidden(store: Store) -> None:
    async def fail(_url: SecretRef, _key: str, _letter: Letter) -> Delivery:
        raise ZeroDivisionError

    put(store, "duty")
    with pytest.raises(ZeroDivisionError):
        await Courier(store, a_channel("duty"), fail).run()
