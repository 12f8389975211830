"""A fake Grafana over real HTTP: no real one is in any package registry that the tests may use.

Its answers are those of a real 9.4 that was asked by hand: recordings/grafana-9.4-push.txt holds what it said to
pushes, and test_grafana_stub.py demands the same of this one, word by word. What it knows beside that: who may do what
(an editor makes folders and boards, an admin data sources and rules), how a proxy in front of it misbehaves, and that a
9.4 blanks the database of a provisioned InfluxDB until its sources are read again.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]
ROLES = ("viewer", "editor", "admin")
TRACED = {"traceID": ""}
NEEDED = "You'll need additional permissions to perform this action. Permissions needed: {}"
HTML = "<html><body>bad gateway</body></html>"
HTML_MESSAGE = "<html><body>bad gateway, no message</body></html>"


@dataclass(frozen=True)
class Answer:
    """body: JSON, or text as it is; None: none at all."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Board:
    id: int
    data: Json
    folder: str
    provisioned: bool = False
    by: str = "admin"

    def meta(self, state: GrafanaStub, role: str) -> Json:
        editor = role != "viewer"
        shown = {"type": "db", "canSave": editor, "canEdit": True, "provisioned": self.provisioned}
        where = {"folderUid": self.folder, "folderTitle": state.folder_title(self.folder)}
        return shown | where | {"updatedBy": self.by, "updated": "2026-11-24T04:07:53Z"}


@dataclass
class GrafanaStub:
    """tokens: token -> role. fault: answers in place of Grafana, when it has one. asked: method and path of each."""

    url: str = ""
    version: str = "9.4.0-pre"
    tokens: dict[str, str] = field(default_factory=lambda: {f"{role}-token": role for role in ROLES})
    folders: dict[str, Json] = field(default_factory=dict)
    boards: dict[str, Board] = field(default_factory=dict)
    sources: dict[str, Json] = field(default_factory=dict)
    rules: dict[tuple[str, str], Json] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    fault: Callable[[str, str], Answer | None] = lambda _method, _path: None
    ids: int = 17

    def folder_title(self, uid: str) -> str:
        return str(self.folders[uid]["title"]) if uid else "General"

    def writes(self) -> list[tuple[str, str]]:
        return [one for one in self.asked if one[0] != "GET"]

    def provision(self, board: Json, folder: str) -> None:
        """A board that is read from files."""
        self.boards[board["uid"]] = Board(self.next_id(), board | {"version": 1}, folder, provisioned=True)

    def next_id(self) -> int:
        self.ids += 1
        return self.ids

    def answer(self, method: str, target: str, body: Any, role: str | None) -> Answer:
        path, query = urlsplit(target).path.removeprefix("/api"), parse_qs(urlsplit(target).query)
        if path == "/health":
            return Answer(200, {"commit": "lab", "database": "ok", "version": self.version})
        if role is None:
            return Answer(401, {"message": "Unauthorized"})
        for verb, pattern, least, permission, run in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                if ROLES.index(role) < ROLES.index(least):
                    return Answer(403, {"message": NEEDED.format(permission), "accessErrorId": "ACE0"})
                return run(self, Asked(role, body, query, [unquote(part) for part in match.groups()]))
        return Answer(404, {"message": "Not found"} | TRACED)


@dataclass(frozen=True)
class Asked:
    role: str
    body: Any
    query: dict[str, list[str]]
    parts: list[str]


def get_folder(state: GrafanaStub, asked: Asked) -> Answer:
    found = state.folders.get(asked.parts[0])
    if found is None:
        return Answer(404, {"message": "folder not found"})
    editor = asked.role != "viewer"
    return Answer(200, found | {"hasAcl": False, "canSave": editor, "canEdit": editor, "canAdmin": editor})


def list_folders(state: GrafanaStub, asked: Asked) -> Answer:
    size, page = int(asked.query.get("limit", ["1000"])[0]), int(asked.query.get("page", ["1"])[0])
    return Answer(200, list(state.folders.values())[(page - 1) * size : page * size])


def create_folder(state: GrafanaStub, asked: Asked) -> Answer:
    uid, title = asked.body.get("uid") or f"u{state.ids}", asked.body.get("title", "")
    if not title:
        return Answer(400, {"message": "folder title cannot be empty"})
    if len(uid) > 40:
        return Answer(400, {"message": "uid too long, max 40 characters"} | TRACED)
    if not re.fullmatch(r"[A-Za-z0-9_-]+", uid):
        return Answer(400, {"message": "uid contains illegal characters"} | TRACED)
    if uid in state.folders:
        return Answer(412, {"message": "the folder has been changed by someone else"})
    general = [board.data["title"] for board in state.boards.values() if not board.folder]
    if title in [*(one["title"] for one in state.folders.values()), *general]:
        told = "a folder or dashboard in the general folder with the same name already exists"
        return Answer(409, {"message": told})
    state.folders[uid] = {"id": state.next_id(), "uid": uid, "title": title}
    return get_folder(state, Asked(asked.role, None, {}, [uid]))


def delete_folder(state: GrafanaStub, asked: Asked) -> Answer:
    """An empty body, with a length of 0."""
    state.folders.pop(asked.parts[0], None)
    state.boards = {uid: board for uid, board in state.boards.items() if board.folder != asked.parts[0]}
    return Answer(200)


def get_board(state: GrafanaStub, asked: Asked) -> Answer:
    found = state.boards.get(asked.parts[0])
    if found is None:
        return Answer(404, {"message": "Dashboard not found"} | TRACED)
    return Answer(200, {"meta": found.meta(state, asked.role), "dashboard": found.data | {"id": found.id}})


def save_board(state: GrafanaStub, asked: Asked) -> Answer:
    if not isinstance(asked.body, dict) or not isinstance(asked.body.get("dashboard"), dict):
        return Answer(400, {"message": "bad request data"} | TRACED)
    data, folder, over = asked.body["dashboard"], asked.body.get("folderUid") or "", bool(asked.body.get("overwrite"))
    return _unsaved(state, data, folder) or _saved(state, data, folder, over)


def _unsaved(state: GrafanaStub, data: Json, folder: str) -> Answer | None:
    title, uid = data.get("title", ""), data.get("uid", "")
    if folder and folder not in state.folders:
        return Answer(400, {"message": "Folder not found"} | TRACED)
    if not title:
        return Answer(400, {"message": "Dashboard title cannot be empty", "status": "empty-name"})
    if title in (one["title"] for one in state.folders.values()):
        told = "Dashboard name cannot be the same as folder"
        return Answer(400, {"message": told, "status": "name-match"})
    if len(uid) > 40:
        return Answer(400, {"message": "uid too long, max 40 characters"})
    if data.get("id") and data["id"] not in (board.id for board in state.boards.values()):
        return Answer(404, {"message": "Dashboard not found", "status": "not-found"})
    return None


def _saved(state: GrafanaStub, data: Json, folder: str, over: bool) -> Answer:
    uid, title = data["uid"], data["title"]
    namesakes = (one for one in state.boards.values() if (one.folder, one.data["title"]) == (folder, title))
    namesake = next((one for one in namesakes if one.data["uid"] != uid), None)
    found = state.boards.get(uid) or (namesake if over else None)
    if any(one is not None and one.provisioned for one in (found, namesake)):
        return Answer(400, {"message": "Cannot save provisioned dashboard"})
    if namesake is not None and not over:
        told = "A dashboard with the same name in the folder already exists"
        return Answer(412, {"message": told, "status": "name-exists"})
    if found is not None and not over and data.get("version") != found.data["version"]:
        told = "The dashboard has been changed by someone else"
        return Answer(412, {"message": told, "status": "version-mismatch"})
    return _kept(state, found, data, folder)


def _kept(state: GrafanaStub, found: Board | None, data: Json, folder: str) -> Answer:
    """Every push is a version more, also of the same content."""
    uid = data["uid"] if found is None else found.data["uid"]
    version = 1 if found is None else found.data["version"] + 1
    board = Board(state.next_id() if found is None else found.id, data | {"uid": uid, "version": version}, folder)
    state.boards[uid] = board
    slug = "-".join(re.findall(r"[a-z0-9]+", data["title"].lower()))
    told = {"id": board.id, "slug": slug, "status": "success", "uid": uid, "url": f"/d/{uid}/{slug}"}
    return Answer(200, told | {"version": version})


def delete_board(state: GrafanaStub, asked: Asked) -> Answer:
    found = state.boards.get(asked.parts[0])
    if found is None:
        return Answer(404, {"message": "Dashboard not found"} | TRACED)
    if found.provisioned:
        return Answer(400, {"message": "provisioned dashboard cannot be deleted"} | TRACED)
    del state.boards[asked.parts[0]]
    return Answer(200, {"id": found.id, "message": f"Dashboard {found.data['title']} deleted"})


def search(state: GrafanaStub, asked: Asked) -> Answer:
    """`folderIds` counts as one number only; a list of them is ignored, as is `starred`."""
    words = asked.query.get("query", [""])[0]
    rows = [
        {"id": one.id, "uid": uid, "title": one.data["title"], "type": "dash-db"}
        | ({"folderUid": one.folder} if one.folder else {})
        for uid, one in state.boards.items()
        if words in one.data["title"]
    ]
    return Answer(200, rows)


def get_source(state: GrafanaStub, asked: Asked) -> Answer:
    found = state.sources.get(asked.parts[0])
    return Answer(200, found) if found else Answer(404, {"message": "Data source not found"} | TRACED)


def get_source_named(state: GrafanaStub, asked: Asked) -> Answer:
    found = next((one for one in state.sources.values() if one["name"] == asked.parts[0]), None)
    return Answer(200, found) if found else Answer(404, {"message": "Data source not found"} | TRACED)


def create_source(state: GrafanaStub, asked: Asked) -> Answer:
    if asked.body["name"] in (one["name"] for one in state.sources.values()):
        return Answer(409, {"message": "data source with the same name already exists"} | TRACED)
    made = {key: value for key, value in asked.body.items() if key != "secureJsonData"}
    state.sources[made["uid"]] = made | {"id": state.next_id()}
    return Answer(200, {"datasource": state.sources[made["uid"]], "message": "Datasource added"})


def reload_sources(state: GrafanaStub, asked: Asked) -> Answer:
    """What repairs the blanked database of a first start of 9.4."""
    for source in state.sources.values():
        if source["type"] == "influxdb":
            source["database"] = source["jsonData"]["dbName"]
    return Answer(200, {"message": "Datasources config reloaded"})


def source_health(state: GrafanaStub, asked: Asked) -> Answer:
    found = state.sources.get(asked.parts[0], {})
    if found.get("type") != "influxdb":
        return Answer(404, {"message": "Not found"} | TRACED)
    return Answer(200, {"status": "OK", "message": "datasource is working"})


def source_query(state: GrafanaStub, asked: Asked) -> Answer:
    return Answer(200, {"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}})


def settings(state: GrafanaStub, asked: Asked) -> Answer:
    shown = {one["name"]: {key: one[key] for key in ("uid", "type")} for one in state.sources.values()}
    return Answer(200, {"alertingEnabled": None, "datasources": shown})


def get_rules(state: GrafanaStub, asked: Asked) -> Answer:
    """A group that is not there answers 200, without rules."""
    folder, name = asked.parts
    empty = {"title": name, "folderUid": folder, "interval": 60, "rules": None}
    return Answer(200, state.rules.get((folder, name), empty))


def save_rules(state: GrafanaStub, asked: Asked) -> Answer:
    """The whole group or nothing; durations are written anew, and models get defaults. `rules` is null in the answer.

    Whoever did not ask otherwise is the only one who may change it from then on; what is from files nobody may.
    """
    folder, name = asked.parts
    if any(rule.get("provenance") == "file" for rule in state.rules.get((folder, name), {}).get("rules", [])):
        return Answer(500, {"message": "cannot change provenance from 'file' to 'api'"} | TRACED)
    if folder not in state.folders:
        return Answer(404, {"message": "folder not found"} | TRACED)
    titles = [rule["title"] for rule in asked.body["rules"]]
    if len(set(titles)) < len(titles):
        return Answer(400, {"message": "rule title must be unique"} | TRACED)
    provenance = "" if state.headers[-1].get("X-Disable-Provenance") == "true" else "api"
    rules = [_kept_rule(state, rule) | {"provenance": provenance} for rule in asked.body["rules"]]
    state.rules[folder, name] = {
        "title": name,
        "folderUid": folder,
        "interval": asked.body["interval"],
        "rules": rules,
    }
    return Answer(200, state.rules[folder, name] | {"rules": None})


def _kept_rule(state: GrafanaStub, rule: Json) -> Json:
    seconds = int(rule["for"].removesuffix("s"))
    held = f"{seconds // 60}m" if seconds and seconds % 60 == 0 else f"{seconds}s"
    data = [step | {"model": {"hide": False} | step["model"]} for step in rule["data"]]
    return rule | {"id": state.next_id(), "for": held, "updated": "2026-11-24T04:07:53Z", "data": data}


def delete_mute_timing(state: GrafanaStub, asked: Asked) -> Answer:
    return Answer(204)


Run = Callable[[GrafanaStub, Asked], Answer]
ROUTES: list[tuple[str, str, str, str, Run]] = [
    ("GET", "/folders", "viewer", "folders:read", list_folders),
    ("POST", "/folders", "editor", "folders:create", create_folder),
    ("GET", "/folders/([^/]+)", "viewer", "folders:read", get_folder),
    ("DELETE", "/folders/([^/]+)", "editor", "folders:delete", delete_folder),
    ("POST", "/dashboards/db", "editor", "dashboards:create", save_board),
    ("GET", "/dashboards/uid/([^/]+)", "viewer", "dashboards:read", get_board),
    ("DELETE", "/dashboards/uid/([^/]+)", "editor", "dashboards:delete", delete_board),
    ("GET", "/search", "viewer", "dashboards:read", search),
    ("GET", "/datasources/uid/([^/]+)", "admin", "datasources:read", get_source),
    ("GET", "/datasources/name/([^/]+)", "admin", "datasources:read", get_source_named),
    ("POST", "/datasources", "admin", "datasources:create", create_source),
    ("GET", "/datasources/uid/([^/]+)/health", "viewer", "datasources:query", source_health),
    ("GET", "/datasources/uid/([^/]+)/resources/api/v1/query", "viewer", "datasources:query", source_query),
    ("GET", "/frontend/settings", "viewer", "", settings),
    ("POST", "/admin/provisioning/datasources/reload", "admin", "provisioning:reload", reload_sources),
    ("GET", "/v1/provisioning/folder/([^/]+)/rule-groups/([^/]+)", "editor", "alert.provisioning:read", get_rules),
    ("PUT", "/v1/provisioning/folder/([^/]+)/rule-groups/([^/]+)", "admin", "alert.provisioning:write", save_rules),
    ("DELETE", "/v1/provisioning/mute-timings/([^/]+)", "admin", "alert.provisioning:write", delete_mute_timing),
]


@contextmanager
def grafana_stub(tls: Any = None) -> Iterator[GrafanaStub]:
    """A stub on a free port of 127.0.0.1; tls: a server's ssl.SSLContext."""
    state = GrafanaStub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            state.asked.append((self.command, self.path))
            state.headers.append(dict(self.headers))
            role = state.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
            answer = state.fault(self.command, self.path)
            self.send(answer or state.answer(self.command, self.path, _read(raw), role))

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - http.server's names

        def send(self, answer: Answer) -> None:
            text = answer.body if isinstance(answer.body, str) else _written(answer.body)
            body = text.encode()
            self.send_response(answer.status)
            kind = "text/html" if text.startswith("<") else "application/json"
            for name, value in ({"Content-Type": kind} | answer.headers).items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _read(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _written(body: Any) -> str:
    return "" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
