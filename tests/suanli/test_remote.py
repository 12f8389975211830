"""`suanli --server` where an answer is lost on its way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from suanli.cli.remote import RemoteDesk
from suanli.cli.server import Server
from suanli.config import Config
from suanli.model.errors import Unavailable
from suanli.model.request import REQUEST
from tests.instance import Instance, instance

ENTRY = {"from": "2026-01-01", "stage": "built", "pflops": 100.0, "source": "acceptance"}
MORE = {"action": "capacity.add", "site": "one", "pool": "p", "entry": ENTRY | {"from": "2026-06-01", "pflops": 150.0}}


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
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        body += peer.recv(65536)
    return head + b"\r\n\r\n" + body


def submitted(server: Instance, address: str) -> dict[str, Any]:
    made = server.run("token", "create", "--owner", "a tester", "--scope", "admin").stdout.strip()
    with closing(Server(address, made)) as asked:
        desk = RemoteDesk(Config(), asked)
        return desk.submit(REQUEST.validate_python(MORE))


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
