"""Nothing that a run says, answers, logs or records holds one of its secrets, though those whom it asks repeat them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote

import httpx
import psycopg
import pytest
import yaml

from tests.instance import Instance, instance
from tests.reaching import LOOPBACK
from tests.searching import forms, found_in
from tests.servers.postgresql import PASSWORD, PostgreSQL
from tests.servers.processes import wait_until

OPERATOR = "示例运营方"
ODD = "+/=%&\"'\\<é"
"""Written differently in JSON, in a URL, in HTML, by Python; but for the last, a header may carry it."""


def made_up(name: str, odd: str = ODD[:-1]) -> str:
    """A secret of its own, in both halves of which something is odd."""
    return f"{name}{odd}{name[::-1]}X{odd}9Q{name.upper()}"


OF_SITES = {"bearer": made_up("Bq7uTzPa"), "basic": made_up("Kd3rWmYe"), "header": made_up("Hv9cNxLo")}
ALSO = {"query": made_up("Gx6yRsTu"), "form": made_up("Jw2eMpCi")}
"""Of sites that are tried in two ways only, as each takes its time."""
SESSION = "Nc4oZbLh1vFqNc4oZbLh1vFq"
SECRETS = {
    **{f"of the site with {kind}": secret for kind, secret in (OF_SITES | ALSO).items()},
    "of a session": SESSION,
    "of the sink that refuses": made_up("Sf2pJgRi"),
    "of the sink that rejects": made_up("Zw8kDbVu"),
    "for reading": "Rt6mXcQoRt6mXcQo5nLpBv",
    "wrong, as a token": "Ty4hFsEaTy4hFsEa3gJkMw",
    "pasted as a site's": made_up("Pn5sCvUt"),
    "pasted into a file": made_up("Fj1xGzOy"),
    "pasted into an address": "Ab0vKqWeAb0vKqWe7rTy",
    "pasted into broken YAML": "Lm2dHuNfLm2dHuNf8sXc",
}
CANARY = "canary-1"
"""A site that every channel must speak of: what is not collected holds no secret either."""


# ------------------------------------------------------------------------------- who repeats what they were told


@contextmanager
def repeating() -> Iterator[str]:
    """An API and a database that answer with the credentials that they were sent, in several ways; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Repeating)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


class _Repeating(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        self._answer(parse_qs(sent).get("password", []) if self.path == "/log-in" else [])

    def _answer(self, posted: Sequence[str] = ()) -> None:
        path, _, query = self.path.partition("?")
        way = path.strip("/").partition("/")[0]
        told = [
            value for name, value in self.headers.items() if name.lower() in ("authorization", "x-api-key", "cookie")
        ]
        told += [*posted, *parse_qs(query).get("key", [])]
        words = [word for value in told for word in (value, value.partition(" ")[2]) if word]
        words += [base64.b64decode(word + "==").decode().partition(":")[2] for word in words if _is_basic(told, word)]
        said = " ".join(form for word in words for form in (word, quote(word, safe=""), repr(word), json.dumps(word)))
        status, headers, body = self._way(way, said, words)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _way(self, way: str, said: str, words: list[str]) -> tuple[int, dict[str, str], bytes]:
        pools = {"pools": [{"name": "p", "up": 10, "busy": 5}]}
        complaint = json.dumps({"code": "invalid", "message": said, "error": {"seen": said}}).encode()
        answers: dict[str, tuple[int, dict[str, str], bytes]] = {
            "good": (200, {}, json.dumps(pools).encode()),
            "denied": (401, {}, complaint),
            "garbage": (200, {}, said.encode()),
            "broken": (500, {}, said.encode()),
            "moved": (302, {"Location": f"http://elsewhere.example/{quote(words[-1], safe='')}"}, b""),
            "odd": (200, {}, json.dumps({"pools": [{"name": "p", "up": said, "busy": 1}]}).encode()),
            "log-in": (200, {"Set-Cookie": f"sid={SESSION}"}, complaint),
            "refusing": (401, {}, complaint),
            "rejecting": (400, {}, complaint),
        }
        return answers[way]

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""


def _is_basic(told: list[str], word: str) -> bool:
    return f"Basic {word}" in told


WAYS = ("good", "denied", "garbage", "broken", "moved", "odd")


# ------------------------------------------------------------------------------- the run, and all that it says


class Run:
    """One story; channels: everything that was said, by where it was said."""

    def __init__(self, served: Instance, url: str, environment: dict[str, str]) -> None:
        self.served, self.url, self._environment = served, url, environment
        self.channels: dict[str, bytes] = defaultdict(bytes)
        self.secrets = dict(SECRETS)

    def command(
        self, *words: str, codes: tuple[int, ...] = (0,), more: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """One command in a process of its own; what it says is collected, also with warnings of developers."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SUANLI_")}
        own = {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONUTF8": "1", "NO_COLOR": "1"}
        command = [sys.executable, "-m", "suanli", "--config", "config.yaml", "--lang", "en", *words]
        done = subprocess.run(
            command,
            cwd=self.served.folder,
            env=kept | own | self._environment | (more or {}),
            capture_output=True,
            timeout=240,
            check=False,
        )
        self.channels["stdout"] += done.stdout
        self.channels["stderr"] += done.stderr
        assert done.returncode in codes, (words, done.stdout, done.stderr)
        return done

    def token(self, owner: str, *scopes: str) -> str:
        """A new token. It is shown once; that one time is left out of what is searched."""
        before = self.channels["stdout"]
        words = [word for scope in scopes for word in ("--scope", scope)]
        done = self.command("token", "create", "--owner", owner, *words)
        made = done.stdout.decode().strip()
        assert done.stdout.decode().count(made) == 1
        self.channels["stdout"] = before
        self.secrets[f"token of {owner}"] = made.rpartition("_")[2]
        return made

    def ask(self, method: str, path: str, token: str | None = None, **sent: Any) -> httpx.Response:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        answer = httpx.request(method, f"{self.served.url}{path}", headers=headers, timeout=20, trust_env=False, **sent)
        channel = "/metrics" if path == "/metrics" else "HTTP"
        self.channels[channel] += str(answer.headers).encode() + answer.content
        return answer


def a_site(id_: str, url: str, auth: dict[str, Any]) -> dict[str, Any]:
    fields = {"pool": "name", "online": "up", "used": "busy"}
    source = {"kind": "http_json", "url": url, "auth": auth, "interval": "1s", "timeout": "1s"}
    source["settings"] = {"path": "/compute", "unit": "devices", "pools": "pools", "fields": fields}
    built = {"from": "2024-01-01", "stage": "built", "devices": 10, "source": "验收报告"}
    pool = {"id": "p", "model": "nvidia-a100-sxm4-80gb", "match": {"label": "pool", "value": "p"}, "capacity": [built]}
    site = {"id": id_, "name": id_, "province": "安徽", "operator": OPERATOR, "source": source}
    return site | {"pools": [pool]}


def auth_of(kind: str, folder: Path, url: str) -> dict[str, Any]:
    """bearer by a variable, the others by files; as they may be named by an operator too."""
    if kind == "bearer":
        return {"kind": "bearer", "token": {"env": "SECRET_BEARER"}}
    if kind == "basic":
        return {"kind": "basic", "user": "monitor", "password": {"file": str(folder / "basic.secret")}}
    if kind == "query":
        return {"kind": "query", "parameter": "key", "token": {"file": str(folder / "query.secret")}}
    if kind == "form":
        return {
            "kind": "form",
            "url": f"{url}/log-in",
            "user": "monitor",
            "password": {"file": str(folder / "form.secret")},
        }
    return {"kind": "header", "header": "X-Api-Key", "token": {"file": str(folder / "header.secret")}}


TRIED = [(way, kind) for way in WAYS for kind in OF_SITES] + [(way, kind) for way in WAYS[1:3] for kind in ALSO]


def configured(run: Run, store: object) -> None:
    sink = {"kind": "influxdb", "org": "o", "bucket": "b"}
    rejecting = {"file": str(run.served.folder / "rejecting.secret")}
    values = {
        "store": store,
        "listen": run.served.address,
        "reach": LOOPBACK,
        "read_token": {"env": "SECRET_READ"},
        "sinks": [
            sink | {"name": "refusing", "url": f"{run.url}/refusing", "token": {"env": "SECRET_REFUSING"}},
            sink | {"name": "rejecting", "url": f"{run.url}/rejecting", "token": rejecting},
        ],
        "registration": {"acceptance": {"polls": 2}, "secrets": str(run.served.folder / "sites")},
        "poll": {"interval": "1s", "timeout": "1s"},
    }
    (run.served.folder / "config.yaml").write_text(yaml.safe_dump(values, allow_unicode=True))


def told(folder: Path) -> dict[str, str]:
    """The secrets where they belong: in files and in the environment."""
    for kind in ("basic", "header", *ALSO):
        (folder / f"{kind}.secret").write_text((OF_SITES | ALSO)[kind] + "\n")
    (folder / "rejecting.secret").write_text(SECRETS["of the sink that rejects"])
    (folder / "sites").mkdir()
    return {
        "SECRET_BEARER": OF_SITES["bearer"],
        "SECRET_REFUSING": SECRETS["of the sink that refuses"],
        "SECRET_READ": SECRETS["for reading"],
    }


def _sites_that_fail_in_every_way(run: Run) -> None:
    sites = [a_site(CANARY, f"{run.url}/good", auth_of("bearer", run.served.folder, run.url))]
    sites += [
        a_site(f"{way}-{kind}", f"{run.url}/{way}", auth_of(kind, run.served.folder, run.url)) for way, kind in TRIED
    ]
    file = run.served.folder / "sites.yaml"
    file.write_text(yaml.safe_dump({"sites": sites}, allow_unicode=True))
    run.command("apply", str(file), "--reason", CANARY)
    for site in sites[1:]:
        run.command("collect", str(site["id"]), codes=(0, 1, 3))


def _commands_that_only_look(run: Run) -> None:
    for words in (
        *(("site", "list"), ("site", "show", CANARY), ("site", "history", CANARY), ("pool", "list")),
        *(("capacity", "list", "--all"), ("capacity", "submissions", "--all"), ("audit",), ("token", "list")),
        *(("quarantine", "list"), ("rates",), ("config", "check"), ("disagreements",), ("maintenance", "list")),
    ):
        run.command(*words)
        run.command(*words, "--json")
    for words in (("export",), ("audit", "--verify"), ("version",), ("rates", "explain")):
        run.command(*words, codes=(0, 1, 2))


def _secrets_where_they_do_not_belong(run: Run) -> None:
    """Somebody pastes a secret instead of its name: refused, and never repeated."""
    pasted, folder = run.secrets["pasted as a site's"], run.served.folder
    known = ("--name", "x", "--province", "安徽", "--operator", OPERATOR, "--kind", "http_json", "--url", run.url)
    run.command("site", "register", "x", *known, "--auth", "bearer", "--secret", pasted, codes=(2,))
    in_file = run.secrets["pasted into a file"]
    for auth in ({"kind": "bearer", "token": in_file}, {"kind": "bearer", "token": {"value": in_file}}):
        (folder / "pasted.yaml").write_text(yaml.safe_dump({"sites": [a_site("x", run.url, auth)]}))
        run.command("apply", "pasted.yaml", codes=(2,))
    (folder / "pasted.yaml").write_text(f"sites: [{{token: {run.secrets['pasted into broken YAML']}")
    run.command("apply", "pasted.yaml", codes=(2,))
    address = run.secrets["pasted into an address"]
    run.command("--store", f"postgresql+psycopg://u:{address}@127.0.0.1/x", "site", "list", codes=(2,))
    (folder / "pasted.yaml").write_text(yaml.safe_dump({"sites": [a_site("x", f"http://u:{address}@h", {})]}))
    run.command("apply", "pasted.yaml", codes=(2,))
    (folder / "other.yaml").write_text(yaml.safe_dump({"read_token": in_file}))
    run.command("--config", "other.yaml", "config", "check", codes=(2,))


def _over_http(run: Run, admin: str, operator: str) -> None:
    wrong, reading = run.secrets["wrong, as a token"], run.secrets["for reading"]
    right_id = f"{admin.rpartition('_')[0]}_{wrong}"
    for token in (None, admin, operator, reading):
        for path in ("/api/v1/sites", "/api/v1/submissions", "/api/v1/rates", "/metrics", "/readyz"):
            run.ask("GET", path, token)
    for token in (wrong, right_id, f"suanli_{wrong}"):  # more often, and this address would be locked out
        assert run.ask("GET", "/api/v1/sites", token).status_code == 401
    for path in run.ask("GET", "/api/v1/openapi.json", admin).json()["paths"]:
        if "{" not in path:
            run.ask("GET", path, admin)
    for way, kind in TRIED:
        site = a_site("probed", f"{run.url}/{way}", auth_of(kind, run.served.folder, run.url))
        assert run.ask("POST", "/api/v1/probe", admin, json=site).status_code == 200
    pasted = a_site("x", run.url, {"kind": "bearer", "token": run.secrets["pasted as a site's"]})
    assert run.ask("PUT", "/api/v1/sites/x", admin, json=pasted).status_code == 422
    remote = {"SUANLI_SERVER": run.served.url, "SUANLI_TOKEN": admin}
    run.command("site", "list", more=remote)
    run.command("capacity", "submissions", "--json", more=remote)
    run.command("rates", more=remote)
    run.command("site", "list", codes=(1,), more=remote | {"SUANLI_TOKEN": right_id})
    run.command("site", "list", codes=(2,), more=remote | {"SUANLI_SERVER": "http://elsewhere.example"})


def _waits_and_is_looked_at(run: Run, operator: str) -> None:
    """A submission whose source repeats the secret in its refusal, so that the reason is kept and shown."""
    (run.served.folder / "sites" / "waits.secret").write_text(OF_SITES["header"])
    secret = {"file": str(run.served.folder / "sites" / "waits.secret")}
    auth = {"kind": "header", "header": "X-Api-Key", "token": secret}
    asked = {"action": "sites.apply", "sites": [a_site("waits", f"{run.url}/denied", auth)]}
    assert run.ask("POST", "/api/v1/requests", operator, json=asked).status_code == 202

    def looked_at() -> bool:
        (row,) = run.ask("GET", "/api/v1/submissions", operator).json()["submissions"]
        return "401" in ((row["acceptance"] or {}).get("why") or "")

    wait_until(looked_at, within=30, what="the reason why it is not approved", every=0.5)


def told_story(run: Run, store: object, dump: Callable[[], bytes]) -> None:
    """All of it; at the end every channel has been collected."""
    configured(run, store)
    _sites_that_fail_in_every_way(run)
    admin, operator = run.token("管理员", "admin"), run.token("王工", f"register:{OPERATOR}")
    run.served.start(lambda: run.ask("GET", "/readyz", admin).is_success)
    _waits_and_is_looked_at(run, operator)
    _over_http(run, admin, operator)
    wait_until(lambda: "refusing" in run.served.log(), within=30, what="the refusal of a sink in the log")
    wait_until(
        lambda: b"rejecting" in run.command("quarantine", "list", "--json").stdout, within=30, what="a rejected point"
    )
    _commands_that_only_look(run)
    _secrets_where_they_do_not_belong(run)
    assert run.served.stop() == 0
    run.channels["log"] = run.served.log().encode()
    run.channels["store"] = dump()


CHANNELS = {"stdout", "stderr", "HTTP", "/metrics", "log", "store"}
SPOKEN_OF = {"log": b"refusing", "stderr": b"denied-bearer"}
"""What a channel speaks of, if not of the canary."""


def _nothing_leaks(run: Run) -> None:
    assert set(run.channels) == CHANNELS
    for channel, content in run.channels.items():
        assert SPOKEN_OF.get(channel, CANARY.encode()) in content, channel
    assert b"***" in run.channels["HTTP"]  # they did repeat them
    assert found_in(run.channels, run.secrets) == []
    _would_be_found(run)


def _would_be_found(run: Run) -> None:
    """Each secret in each form, put into the midst of what was collected: the search is not blind."""
    channel, content = "HTTP", run.channels["HTTP"][:10_000]
    half = len(content) // 2
    for name, secret in run.secrets.items():
        for form, text in forms(secret).items():
            planted = {channel: content[:half] + text + content[half:]}
            assert (channel, name, form) in found_in(planted, {name: secret})
        for place in range(3):
            coded = base64.b64encode(b"x" * place + secret.encode() + b"tail")
            assert found_in({"coded": coded}, {name: secret}), (name, place)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_whole_story_on_sqlite(tmp_path: Path) -> None:
    environment = told(tmp_path)
    with repeating() as url, instance(tmp_path, **environment) as served:
        run = Run(served, url, environment)

        def dump() -> bytes:
            return b"".join(file.read_bytes() for file in sorted(tmp_path.glob("suanli.db*")))

        told_story(run, f"sqlite:///{tmp_path / 'suanli.db'}", dump)
        _nothing_leaks(run)


@pytest.mark.server
@pytest.mark.timeout(400)
def test_a_whole_story_on_postgresql_with_a_password(tmp_path: Path, shared_postgresql: PostgreSQL) -> None:
    """Also the wrong password, and the right one at a server that is not there."""
    environment = told(tmp_path) | {"SECRET_DB": PASSWORD}
    database = shared_postgresql.create()
    address = shared_postgresql.url(database, "guarded")
    with repeating() as url, instance(tmp_path, **environment) as served:
        run = Run(served, url, environment)
        run.secrets |= {"of the database": PASSWORD, "wrong, of the database": "Wr0ngPasswordWr0ng"}
        store = {"url": address, "password": {"env": "SECRET_DB"}}

        def dump() -> bytes:
            return dumped(shared_postgresql, database)

        told_story(run, store, dump)
        run.command("site", "list", codes=(3,), more={"SECRET_DB": run.secrets["wrong, of the database"]})
        configured(run, store | {"url": address.replace(str(shared_postgresql.port), "1")})
        run.command("site", "list", codes=(3,))
        _nothing_leaks(run)
    shared_postgresql.drop(database)


def dumped(server: PostgreSQL, database: str) -> bytes:
    """Every table as text."""
    named = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    found = b""
    with psycopg.connect(f"host=127.0.0.1 port={server.port} dbname={database} user=postgres") as connection:
        for (table,) in connection.execute(named).fetchall():
            with connection.cursor().copy(f'COPY "{table}" TO STDOUT') as rows:
                found += table.encode() + b"".join(bytes(row) for row in rows)
    return found
