"""What is asked of a Grafana: by grafana-api where it can, and by the same session where it has no word for it."""

from __future__ import annotations

import ssl
from typing import Any, cast
from urllib.parse import quote, urlsplit

from grafana_api.grafana_face import GrafanaFace
from pydantic import SecretStr

from exporter.grafana.errors import Refusal, told
from exporter.grafana.session import GuardedSession
from suanli.model.errors import InputError, Problem, Unavailable
from suanli.model.message import Message, message_of

Json = dict[str, Any]
_PAGE = 1000


class Grafana:
    """One Grafana. Every method raises Unavailable where none answers, and another SuanliError where it says no.

    ca: the file of its certificate's authority; timeout: seconds for connecting, and for each answer.
    """

    def __init__(self, url: str, token: SecretStr, *, ca: str | None = None, timeout: float = 10.0) -> None:
        parts = urlsplit(url)
        self.url = url.rstrip("/")
        prefix = f"{parts.path.strip('/')}/".removeprefix("/")
        verify: str | bool = True if ca is None else _readable(ca)
        face = GrafanaFace(_sendable(token), parts.netloc, None, prefix, parts.scheme, verify=verify, timeout=timeout)
        face.api.s.close()
        face.api.s = GuardedSession(self.url)
        self._face, self._api = face, face.api

    def close(self) -> None:
        self._api.s.close()

    def health(self) -> Json:
        """{"database": "ok", "version": "9.4.0", "commit"}; the version may be kept secret."""
        try:
            found = self._api.GET("/health")
        except Refusal as refusal:
            raise told(refusal, Message("ask for its health")) from None
        if not isinstance(found, dict) or "database" not in found:
            raise Unavailable(Message("what answers at {url} is no Grafana", url=self.url))
        return found

    def folder(self, uid: str) -> Json | None:
        """The folder of this uid, with `title` and `canSave`."""
        return self._found(
            Message("look at the folder {uid}", uid=uid),
            lambda: self._face.folder.get_folder(_part(uid)),
            "folders:read",
        )

    def folder_titled(self, title: str) -> Json | None:
        """The folder of this title at the top, whatever its uid; grafana-api sees the first thousand only."""
        page = 1
        while True:
            found = self._asked(Message("list the folders"), f"/folders?limit={_PAGE}&page={page}", "folders:read")
            if match := next((one for one in found if one["title"] == title), None):
                return cast("Json", match)
            if len(found) < _PAGE:
                return None
            page += 1

    def create_folder(self, uid: str, title: str) -> Json:
        try:
            return cast("Json", self._face.folder.create_folder(title, uid))
        except Refusal as refusal:
            raise told(refusal, Message("make the folder {title}", title=title), "folders:create") from None

    def board(self, uid: str) -> Json | None:
        """{"dashboard": its JSON, "meta": where it is and what may be done with it}."""
        return self._found(
            Message("look at the board {uid}", uid=uid),
            lambda: self._face.dashboard.get_dashboard(_part(uid)),
            "dashboards:read",
        )

    def boards_titled(self, title: str, folder: str) -> list[Json]:
        """The boards of exactly this title in the folder of this uid ("" is General).

        The folder is compared here: grafana-api's own `folder_ids` is ignored without a word.
        """
        try:
            found = self._face.search.search_dashboards(query=_part(title), type_="dash-db")
        except Refusal as refusal:
            raise told(refusal, Message("search for boards"), "dashboards:read") from None
        return [one for one in found if one["title"] == title and one.get("folderUid", "") == folder]

    def save_board(self, board: Json, folder: str, message: str) -> Json:
        """Save exactly over the version that `board` names; never over another one, and never over another board.

        Grafana's `overwrite` is not used: it would take over a board of the same title under another uid.
        """
        body = {"dashboard": board, "folderUid": folder, "message": message, "overwrite": False}
        try:
            return cast("Json", self._face.dashboard.update_dashboard(body))
        except Refusal as refusal:
            raise told(
                refusal, Message("save the board {uid}", uid=board["uid"]), "dashboards:create, dashboards:write"
            ) from None

    def data_source(self, uid: str) -> Json | None:
        """{"uid", "name", "type"} of a data source.

        Its own page is for who may read data sources; what an Editor is told are the settings of the web page.
        """
        try:
            return cast("Json", self._api.GET(f"/datasources/uid/{_part(uid)}"))
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            if refusal.status != 403:
                raise told(refusal, Message("look at the data source {uid}", uid=uid), "datasources:read") from None
        shown = self._asked(Message("list the data sources"), "/frontend/settings").get("datasources", {})
        return next((one | {"name": name} for name, one in shown.items() if one.get("uid") == uid), None)

    def create_data_source(self, source: Json) -> Json:
        try:
            return cast("Json", self._face.datasource.create_datasource(source))
        except Refusal as refusal:
            raise told(
                refusal, Message("make the data source {name}", name=source["name"]), "datasources:create"
            ) from None

    def source_answers(self, uid: str, kind: str) -> str:
        """ "" when the data source answers, else why not. A Prometheus has no health in 9.4, but takes a query."""
        path = "resources/api/v1/query?query=1" if kind == "prometheus" else "health"
        try:
            self._api.GET(f"/datasources/uid/{_part(uid)}/{path}")
            return self._blanked(uid) if kind == "influxdb" else ""
        except (Refusal, Unavailable) as error:
            return message_of(error)

    def _blanked(self, uid: str) -> str:
        """A 9.4 empties the database of a provisioned InfluxDB on its very first start; who may look can see it."""
        if (self.data_source(uid) or {}).get("database", "shown to others only"):
            return ""
        repair = Message("POST /api/admin/provisioning/datasources/reload, or start it again")
        return Message("its database is empty, as after the first start of a Grafana 9.4: {repair}", repair=repair)

    def rule_group(self, folder: str, name: str) -> Json | None:
        """A group of alert rules; None where it is not there, or has no rule."""
        found = self._found(
            Message("look at the rules {name}", name=name),
            lambda: self._api.GET(_group(folder, name)),
            "alert.provisioning:read",
        )
        return found if found and found.get("rules") else None

    def save_rule_group(self, folder: str, name: str, group: Json) -> None:
        """X-Disable-Provenance: so that a person may still change the rules in the browser."""
        headers = {"X-Disable-Provenance": "true"}
        try:
            self._api.PUT(_group(folder, name), json=group, headers=headers)
        except Refusal as refusal:
            raise told(refusal, Message("save the rules {name}", name=name), "alert.provisioning:write") from None

    def _asked(self, doing: Message, path: str, permission: str = "") -> Any:
        try:
            return self._api.GET(path)
        except Refusal as refusal:
            raise told(refusal, doing, permission) from None

    @staticmethod
    def _found(doing: Message, ask: Any, permission: str) -> Json | None:
        """None for 404."""
        try:
            return cast("Json", ask())
        except Refusal as refusal:
            if refusal.status == 404:
                return None
            raise told(refusal, doing, permission) from None


def _part(text: str) -> str:
    """One segment of a path or one value of a query; grafana-api quotes neither."""
    return quote(text, safe="")


def _group(folder: str, name: str) -> str:
    return f"/v1/provisioning/folder/{_part(folder)}/rule-groups/{_part(name)}"


def _readable(ca: str) -> str:
    try:
        ssl.create_default_context(cafile=ca)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or getattr(error, "reason", None) or error
        told = Message("{ca} is no file of PEM certificates that can be read: {why}", ca=ca, why=str(why))
        raise InputError(Problem(told, key="grafana.ca")) from None
    return ca


def _sendable(token: SecretStr) -> str:
    """What a header can carry; else an InputError, without the token in it."""
    text = token.get_secret_value()
    if not (text.isascii() and text.isprintable()) or " " in text:
        told = Message("the token holds characters that none of Grafana's has")
        raise InputError(Problem(told, key="grafana.token"))
    return text
