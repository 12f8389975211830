"""The agent's sink against a server that is made up, and the queue behind it: nothing lost, nothing sent in vain."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import trustme

from exporter.base import Retry
from exporter.forwarder import Forwarder
from exporter.push import PushSink
from suanli.agent.queue import Queue
from suanli.model.errors import InputError, Unavailable
from suanli.model.secret import SecretRef
from suanli.model.site import Tls
from tests.suanli.making import T0, a_sample

TOKEN = "suanli_0123456789ab_very-secret"


class Server:
    """NOT a real one: takes what is in no `bad` pool, all or nothing, unless `says` answers first."""

    def __init__(self, *bad: str) -> None:
        self.bad = bad
        self.says: Callable[[], httpx.Response | None] = lambda: None
        self.requests: list[httpx.Request] = []
        self.kept: list[tuple[str, int]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if (answer := self.says()) is not None:
            return answer
        samples = json.loads(gzip.decompress(request.content))["samples"]
        wrong = [place for place, one in enumerate(samples) if one["pool"] in self.bad]
        if wrong:
            errors = [{"field": f"samples[{place}].pool", "detail": "this site has no such pool"} for place in wrong]
            return httpx.Response(422, json={"detail": "no such pool", "errors": errors})
        self.kept += [(one["pool"], one["at"]) for one in samples]
        return httpx.Response(200, json={"kept": len(samples)})


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with closing(Queue(str(tmp_path / "queue.db"))) as made:
        yield made


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUSH_TOKEN", TOKEN)


def forwarder(queue: Queue, server: Server) -> Forwarder:
    transport = httpx.MockTransport(server)
    return Forwarder(queue, PushSink("https://far.example", "s", SecretRef(env="PUSH_TOKEN"), Tls(), transport))


def filled(queue: Queue, *pools: str) -> list[tuple[str, int]]:
    queue.append([a_sample(T0 + place, 1.0, pool=pool) for place, pool in enumerate(pools)])
    return [(pool, T0 + place) for place, pool in enumerate(pools)]


def emptied(made: Forwarder) -> None:
    while made.forward():
        continue


def test_what_is_queued_is_sent_once_and_then_gone(queue: Queue) -> None:
    server, wanted = Server(), filled(queue, "a", "b", "a")
    emptied(forwarder(queue, server))
    assert server.kept == wanted
    (request,) = server.requests
    assert request.url == "https://far.example/api/v1/sites/s/samples"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert queue.counted() == (0, 0)


def test_those_refused_for_good_are_kept_aside_and_cost_one_request_more(queue: Queue) -> None:
    """Not one for every half of a half: a long backlog of a pool that is no more would else never get through."""
    server = Server("bad")
    wanted = filled(queue, *["a", "bad"] * 300)
    emptied(forwarder(queue, server))
    assert server.kept == [one for one in wanted if one[0] == "a"]
    assert len(server.requests) == 2
    assert queue.counted() == (0, 300)


def test_a_batch_too_large_goes_in_parts(queue: Queue) -> None:
    server, wanted = Server(), filled(queue, *"abcdefgh")
    bodies: list[int] = []

    def limited() -> httpx.Response | None:
        bodies.append(len(json.loads(gzip.decompress(server.requests[-1].content))["samples"]))
        return httpx.Response(413, json={"detail": "too large"}) if bodies[-1] > 3 else None

    server.says = limited
    emptied(forwarder(queue, server))
    assert (server.kept, bodies, queue.counted()) == (wanted, [8, 4, 2, 2, 4, 2, 2], (0, 0))


PROBLEM = {"detail": f"no: {TOKEN}"}
KEEPS: dict[str, tuple[Callable[[], httpx.Response], float | None]] = {
    "too often": (lambda: httpx.Response(429, headers={"retry-after": "7"}), 7.0),
    "the store is full": (lambda: httpx.Response(503, json=PROBLEM), None),
    "not let in": (lambda: httpx.Response(401, json=PROBLEM), 60.0),
    "not for this site": (lambda: httpx.Response(403, json=PROBLEM), 60.0),
    "not registered yet": (lambda: httpx.Response(404, json=PROBLEM), 60.0),
    "not of kind push": (lambda: httpx.Response(409, json=PROBLEM), 60.0),
    "another program": (lambda: httpx.Response(200, text="<html>Log in</html>"), 60.0),
    "moved": (lambda: httpx.Response(302, headers={"location": "http://login.example"}), 60.0),
    "a 422 of nothing in it": (lambda: httpx.Response(422, json={"detail": "x", "errors": [{"field": "path"}]}), None),
    "a 422 of a place that is not": (lambda: httpx.Response(422, json={"errors": [{"field": "samples[9]"}]}), None),
}


@pytest.mark.parametrize(("says", "after"), KEEPS.values(), ids=KEEPS.keys())
def test_whatever_else_is_answered_loses_nothing_and_shows_no_secret(
    queue: Queue, says: Callable[[], httpx.Response], after: float | None
) -> None:
    server, wanted = Server(), filled(queue, "a", "b")
    made = forwarder(queue, server)
    server.says = says
    with pytest.raises(Retry) as caught:
        made.forward()
    assert caught.value.after == after
    assert TOKEN not in str(caught.value)
    assert queue.counted() == (2, 0)
    server.says = lambda: None
    emptied(made)
    assert (server.kept, queue.counted()) == (wanted, (0, 0))


def test_a_lost_answer_repeats_the_same_samples(queue: Queue) -> None:
    server, wanted = Server(), filled(queue, "a", "b")
    made = forwarder(queue, server)

    def lost() -> httpx.Response | None:
        server.kept += wanted
        raise httpx.ReadTimeout("lost")

    server.says = lost
    with pytest.raises(Retry, match="does not answer"):
        made.forward()
    server.says = lambda: None
    emptied(made)
    assert server.kept == wanted * 2


def test_the_token_is_read_again_for_every_request(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = Server()
    made = forwarder(queue, server)
    filled(queue, "a")
    monkeypatch.delenv("PUSH_TOKEN")
    with pytest.raises(Retry, match="PUSH_TOKEN is not set"):
        made.forward()
    monkeypatch.setenv("PUSH_TOKEN", "another")
    emptied(made)
    assert [one.headers["authorization"] for one in server.requests] == ["Bearer another"]


def test_a_queue_survives_its_process_and_numbers_are_never_used_twice(tmp_path: Path) -> None:
    path = str(tmp_path / "queue.db")
    with closing(Queue(path)) as first:
        filled(first, "a", "b")
        assert first.after(0, 10).last == 2
        first.advance("push", 2)
    with closing(Queue(path)) as second:
        filled(second, "c")
        batch = second.after(0, 10)
        assert [(point.seq, point.pool) for point in batch.points] == [(3, "c")]
        assert second.after(3, 10).last == 3


def test_a_queue_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be used"):
        Queue(str(tmp_path / "nowhere" / "queue.db"))
    (tmp_path / "text").write_text("not a database, but long enough to be looked at " * 99)
    with pytest.raises(Unavailable, match="cannot be used"):
        Queue(str(tmp_path / "text"))


def test_a_wrong_file_of_an_authority_is_told_and_a_right_one_is_used(tmp_path: Path) -> None:
    ref, ca = SecretRef(env="PUSH_TOKEN"), tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(ca)
    PushSink("https://far.example", "s", ref, Tls(ca=str(ca))).close()
    with pytest.raises(InputError, match="cannot use a certificate file of "):
        PushSink("https://far.example", "s", ref, Tls(ca=str(tmp_path / "gone.pem")))
