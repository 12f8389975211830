"""The sink for InfluxDB 2 and VictoriaMetrics, on influxdb-client.

Lines are built here and sent synchronously: the client's batching WriteApi drops what it cannot send in time.
What each status means was seen on InfluxDB 2.7: 400 stored nothing, 422 stored the rest; either way the forwarder looks
for the point, and sending the good ones again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError, ProtocolError

from exporter.base import Broken, Rejected, Retry, Shut
from exporter.lineprotocol import lines_of
from suanli.config import SinkConfig
from suanli.model.secret import Hidden
from suanli.store.sql import Batch

CHUNK = 5000
_TIMEOUT_MS = 20_000
_SECONDS = cast(WritePrecision, WritePrecision.S)  # the client annotates its constants as plain text
_REFUSED_FOR_GOOD = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
_NOT_LET_IN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)


class InfluxSink:
    """One database. Raises InputError when its token is missing."""

    def __init__(self, config: SinkConfig) -> None:
        self.name = config.name
        self._org, self._bucket = config.org or "-", config.bucket or "-"
        token = config.token.reveal().get_secret_value() if config.token else ""
        self._hide = Hidden(token)
        # VictoriaMetrics takes the same writes and needs neither organisation nor bucket.
        self._client = InfluxDBClient(config.url, token, org=self._org, timeout=_TIMEOUT_MS, enable_gzip=True)
        self._write = self._client.write_api(write_options=SYNCHRONOUS)

    def write(self, batch: Batch) -> None:
        for start in range(0, len(batch.points), CHUNK):
            body = lines_of(batch.points[start : start + CHUNK])
            if body:
                self._post(body)

    def line(self, batch: Batch) -> str:
        return lines_of(batch.points).decode()

    def close(self) -> None:
        self._client.close()  # type: ignore[no-untyped-call] # the client ships part of its types

    def _post(self, body: bytes) -> None:
        try:
            self._write.write(bucket=self._bucket, org=self._org, record=body, write_precision=_SECONDS)
        except ApiException as error:
            raise _told(error, self._hide) from None
        except ProtocolError as error:
            raise Broken(f"{self.name} hung up: {type(error).__name__}") from None
        except (HTTPError, OSError) as error:
            raise Retry(f"{self.name} does not answer: {type(error).__name__}") from None


def _told(error: ApiException, hide: Hidden) -> Retry | Rejected:
    status = error.status or 0
    words = f"{status} {hide(str(error.message or error.body or error.reason))[:300]}"
    if status in _REFUSED_FOR_GOOD:
        return Rejected(words)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Broken(words, _retry_after(error))
    return Shut(words) if status in _NOT_LET_IN else Retry(words, _retry_after(error))


def _retry_after(error: ApiException) -> float | None:
    headers: Mapping[str, str] = error.headers or {}
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None
