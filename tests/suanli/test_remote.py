"""`suanli --server` where an answer is lost on its way."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from suanli.cli.remote import RemoteDesk
from suanli.cli.server import Server
from suanli.config import Config
from suanli.model.errors import StillUnderWay, Unavailable
from suanli.model.request import REQUEST
from suanli.model.site import Site
from tests.instance import Instance, instance

ENTRY = {"from": "2026-01-01", "stage": "built", "pflops": 100.0, "source": "acceptance"}
MORE = {"action": "capacity.add", "site": "one", "pool": "p", "entry": ENTRY | {"from": "2026-06-01", "pflops": 150.0}}
PROBED = {"id": "s", "name": "s", "province": "安徽", "operator": "op", "pools": []}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Instance]:
    with instance(tmp_path) as made:
        made.configure()
        pool = {"id": "p", "model": "nvidia-a100-sxm4-80gb", "capacity": [ENTRY]}
        made.apply({"id": "one", "name": "one", "province": "安徽", "operator": "op", "pools": [pool]})
        made.start()
        yield made


@contextmanager
def losing(port: int, answers: int) -> Iterator[tuple[str, list[bytes]]]:
    """A way to this port on which the first `answers` are lost, after the server has given them; and what was sent."""
    taken: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        thread = threading.Thread(target=_pass_on, args=(door, port, answers, taken), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}", taken
        door.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=10)


def _pass_on(door: socket.socket, port: int, answers: int, taken: list[bytes]) -> None:
    while True:
        try:
            client, _ = door.accept()
        except OSError:
            return
        with client, socket.create_connection(("127.0.0.1", port)) as server:
            taken.append(_whole(client))
            server.sendall(taken[-1])
            answer = _whole(server)
            if len(taken) > answers:
                client.sendall(answer)


def _whole(peer: socket.socket) -> bytes:
    """One message with its body."""
    read = b""
    while b"\r\n\r\n" not in read:
        read += peer.recv(65536)
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = lengths[0] if lengths else 0
    while len(body) < length:
        body += peer.recv(65536)
    return head + b"\r\n\r\n" + body


def admin(server: Instance) -> str:
    return server.run("token", "create", "--owner", "a tester", "--scope", "admin").stdout.strip()


@contextmanager
def desk_at(address: str, token: str, timeout: float = 60.0) -> Iterator[RemoteDesk]:
    with closing(Server(address, token, timeout=timeout)) as server:
        yield RemoteDesk(Config(), server)


def submitted(server: Instance, address: str) -> dict[str, Any]:
    with desk_at(address, admin(server)) as desk:
        return desk.submit(REQUEST.validate_python(MORE))


@contextmanager
def busy(server: Instance, token: str) -> Iterator[None]:
    """Nobody else can write into its store until the block ends; that this token was used is written before."""
    with desk_at(server.url, token) as desk:
        desk.sites()
    with closing(sqlite3.connect(server.folder / "suanli.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def silent() -> Iterator[tuple[str, list[bytes]]]:
    """Something that takes requests and never answers; and what was sent."""
    taken: list[bytes] = []
    kept: list[socket.socket] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as door:

        def take() -> None:
            while True:
                try:
                    kept.append(door.accept()[0])
                except OSError:
                    return
                taken.append(_whole(kept[-1]))

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}", taken
        door.shutdown(socket.SHUT_RDWR)
    thread.join(timeout=10)
    for one in kept:
        one.close()


def test_a_request_whose_answer_was_lost_is_sent_again_and_carried_out_once(server: Instance) -> None:
    with losing(server.port, answers=1) as (address, taken):
        assert submitted(server, address)["state"] == "applied"
    assert len(taken) == 2
    assert taken[0] == taken[1]
    assert server.run("capacity", "list", "--json").stdout.count('"pflops": 150.0') == 1


def test_it_is_sent_again_once_only(server: Instance) -> None:
    with losing(server.port, answers=2) as (address, taken), pytest.raises(Unavailable):
        submitted(server, address)
    assert len(taken) == 2


def test_a_server_that_is_killed_at_its_answer_has_kept_it(server: Instance) -> None:
    """The request is repeated by hand: with the client's key, at the server that was started again."""
    made = server.run("token", "create", "--owner", "a tester", "--scope", "admin").stdout.strip()
    headers = {"authorization": f"Bearer {made}", "idempotency-key": "k"}
    url = f"{server.url}/api/v1/requests"
    first = httpx.post(url, json=MORE, headers=headers, trust_env=False)
    server.kill()
    server.start()
    again = httpx.post(url, json=MORE, headers=headers, trust_env=False)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert first.json()["state"] == "applied"


def test_what_takes_too_long_is_sent_again_with_its_key_and_carried_out_once(server: Instance) -> None:
    """The store is busy for longer than the client waits: the second sending waits for the first one's answer."""
    made, answers = admin(server), []

    def submit() -> None:
        with desk_at(server.url, made, timeout=3.0) as desk:
            answers.append(desk.submit(REQUEST.validate_python(MORE)))

    with busy(server, made):
        thread = threading.Thread(target=submit)
        thread.start()
        thread.join(timeout=3.5)
        assert (thread.is_alive(), answers) == (True, [])
    thread.join(timeout=20)
    assert [answer["state"] for answer in answers] == ["applied"]
    assert server.run("capacity", "list", "--json").stdout.count('"pflops": 150.0') == 1
    trail = json.loads(server.run("audit", "--action", "capacity.add", "--json").stdout)["audit"]
    assert [row["after"]["pflops"] for row in trail] == [100.0, 100.0, 150.0]  # registered, ended, added


@pytest.mark.parametrize(
    ("asked", "sent", "told"),
    [
        (lambda desk: desk.submit(REQUEST.validate_python(MORE)), 2, "may have been carried out all the same"),
        (lambda desk: desk.decide(1, "approved"), 1, "may have been carried out all the same"),
        (lambda desk: desk.sites(), 2, "is `suanli serve` running there"),
        (lambda desk: desk.probe(Site.model_validate(PROBED)), 1, "is `suanli serve` running there"),
    ],
)
def test_who_never_answers_is_asked_so_often_and_then_it_is_told(
    asked: Callable[[RemoteDesk], object], sent: int, told: str
) -> None:
    with silent() as (address, taken), desk_at(address, "", timeout=0.3) as desk:
        with pytest.raises(Unavailable) as raised:
            asked(desk)
        assert "127.0.0.1 has not answered within 0.3 s" in str(raised.value)
        assert told in str(raised.value)
        assert len(taken) == sent
        assert len(set(taken)) == 1


def test_one_that_stays_under_way_is_told_in_the_end(server: Instance) -> None:
    """The wait for the first sending has an end too: then the server's own word is shown."""
    made = admin(server)
    with busy(server, made), desk_at(server.url, made, timeout=2.0) as desk, pytest.raises(StillUnderWay):
        desk.submit(REQUEST.validate_python(MORE))
