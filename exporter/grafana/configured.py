"""What is to be in Grafana, out of the configuration and of what the boards' builder made."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from pydantic import SecretStr

from exporter.grafana.client import Grafana
from exporter.grafana.plan import Folder, Wanted
from suanli.config import GrafanaConfig, GrafanaSourceConfig
from suanli.model.errors import InputError, Problem, Unknown
from suanli.model.message import Message

Json = dict[str, Any]
TOKEN = "SUANLI_GRAFANA_TOKEN"  # noqa: S105 - the variable's name


def connected(config: GrafanaConfig) -> Grafana:
    """The configured Grafana, not asked yet; an InputError for a token or file that is missing."""
    return Grafana(config.url, _token(config), ca=config.ca, timeout=float(config.timeout))


def wanted(
    config: GrafanaConfig, boards: Iterable[Json], sources: Iterable[Json], folder: Folder, rules: Json | None = None
) -> Wanted:
    """boards, sources, folder, rules: as generated for provisioning. The configuration's word goes first."""
    if config.folder is not None:
        folder = Folder(config.folder.uid, config.folder.title)
    said = {one["uid"]: (one, getattr(config, one["type"])) for one in sources}
    return Wanted(
        tuple(boards),
        folder,
        {uid: _made(one, of) for uid, (one, of) in said.items() if of is not None and of.url},
        {uid: of.uid for uid, (_, of) in said.items() if of is not None and of.uid},
        rules,
    )


def chosen(boards: Iterable[Json], uids: Iterable[str]) -> list[Json]:
    """The boards of these uids, all when none is named; Unknown names those that there are."""
    by_uid = {board["uid"]: board for board in boards}
    if lost := [uid for uid in uids if uid not in by_uid]:
        told = Message("no board is called {lost}; there are {known}", lost=", ".join(lost), known=", ".join(by_uid))
        raise Unknown(Problem(told, key="BOARD"))
    return [by_uid[uid] for uid in uids] or list(by_uid.values())


def _token(config: GrafanaConfig) -> SecretStr:
    if text := os.environ.get(TOKEN, "").strip():
        return SecretStr(text)
    if config.token is None:
        told = Message(
            "no token: set {variable}, or name its place in grafana.token ({places})",
            variable=TOKEN,
            places="{env: NAME}, {file: path}",
        )
        raise InputError(Problem(told, key="grafana.token"))
    return config.token.reveal()


def _made(source: Json, config: GrafanaSourceConfig) -> Json:
    """The provisioned data source with its variables filled in. It never becomes somebody's default source."""
    token = "" if config.token is None else config.token.reveal().get_secret_value()
    made = {key: value for key, value in source.items() if key != "secureJsonData"}
    made |= {"url": config.url, "isDefault": False}
    settings = dict(source["jsonData"])
    if config.database:
        made["database"] = settings["dbName"] = config.database
    if token:
        made["secureJsonData"] = {"httpHeaderValue1": f"Token {token}"}
    else:
        settings.pop("httpHeaderName1", None)
    return made | {"jsonData": settings}
