"""The files by which Grafana finds the data sources and the boards.

Grafana replaces $NAME in values by the environment; an unset one becomes empty without a word (README.md lists ours).
"""

from __future__ import annotations

from typing import Any

from dashboards.parts.source import INFLUX, PROMETHEUS

DATABASE = "suanli"  # the bucket in config.yaml
INTERVAL = "60s"  # the poll interval; a shorter one makes gaps between points

# An ASCII word that no board's title is reduced to: Grafana drops Chinese characters when it makes a folder's slug, and
# a folder whose slug equals a board's stops the server.
FOLDER = "算力监测 Suanli boards"
FOLDER_UID = "suanliboards"


def datasources() -> dict[str, Any]:
    """datasources/datasources.yaml"""
    return {"apiVersion": 1, "datasources": [_prometheus(), _influx()]}


def providers() -> dict[str, Any]:
    """dashboards/dashboards.yaml; in the official image GF_PATHS_PROVISIONING is set already."""
    provider = {
        "name": "suanli",
        "orgId": 1,
        "folder": FOLDER,
        "folderUid": FOLDER_UID,
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 30,
        "options": {"path": "${GF_PATHS_PROVISIONING}/dashboards", "foldersFromFilesStructure": False},
    }
    return {"apiVersion": 1, "providers": [provider]}


def _prometheus() -> dict[str, Any]:
    return {
        "name": PROMETHEUS,
        "uid": PROMETHEUS,
        "type": "prometheus",
        "access": "proxy",
        "url": "$SUANLI_PROMETHEUS_URL",
        "isDefault": True,
        "jsonData": {"httpMethod": "POST", "timeInterval": INTERVAL, "prometheusType": "Prometheus"},
    }


def _influx() -> dict[str, Any]:
    """InfluxQL. Grafana up to 9 reads `database` only, later ones `dbName`."""
    return {
        "name": INFLUX,
        "uid": INFLUX,
        "type": "influxdb",
        "access": "proxy",
        "url": "$SUANLI_INFLUX_URL",
        "database": DATABASE,
        "jsonData": {
            "dbName": DATABASE,
            "httpMode": "GET",
            "timeInterval": INTERVAL,
            "httpHeaderName1": "Authorization",
        },
        "secureJsonData": {"httpHeaderValue1": "Token $SUANLI_INFLUX_TOKEN"},
    }
