"""One question to a database over HTTP, and what is told when it is not answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from exporter.readback.base import TIMEOUT
from suanli.config import SinkConfig
from suanli.model.errors import Unavailable
from suanli.model.message import Message


class Asking:
    """The way to one sink, with its token."""

    def __init__(self, config: SinkConfig) -> None:
        self._name, self._url = config.name, config.url.rstrip("/")
        token = config.token.reveal().get_secret_value() if config.token else ""
        headers = {"Authorization": f"Token {token}"} if token else {}
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT)

    @contextmanager
    def get(self, path: str, **parameters: str) -> Iterator[httpx.Response]:
        """The answer, to be read as it comes; Unavailable when it is none, or breaks off."""
        try:
            with self._client.stream("GET", f"{self._url}{path}", params=parameters) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise self.unreadable(f"{answer.status_code} {answer.reason_phrase}")
                yield answer
        except httpx.HTTPError as error:
            raise self.unreadable(type(error).__name__) from None

    def unreadable(self, why: str) -> Unavailable:
        """Its token may be one that can only write."""
        told = Message(
            "what the sink {name} holds cannot be read: {why}; its token must be allowed to read, too",
            name=self._name,
            why=why,
        )
        return Unavailable(told)

    def close(self) -> None:
        self._client.close()
