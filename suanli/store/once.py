"""Requests that are carried out once, however often they are sent: by the key that their sender gave them.

The answer is kept in the transaction that carries the request out. So either both are there or neither, and no crash
leaves a key that is taken and has no answer.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, delete, insert, select

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.request import request_json
from suanli.store import schema

KEPT = 86_400
"""Seconds for which an answer is kept."""
_table = schema.answered.c


@dataclass(frozen=True, slots=True)
class Once:
    """One sending of a request. token: the id of whose key it is; digest: of what is asked for."""

    token: str
    key: str
    digest: str

    @classmethod
    def of(cls, token: str, key: str, asked: BaseModel) -> Once:
        """asked: whose words the key stands for."""
        return cls(token, key, hashlib.sha256(request_json(asked).encode()).hexdigest())


def answer_of(connection: Connection, once: Once, now: int) -> dict[str, Any] | None:
    """How it was answered within the last day; None when it was not. An InputError: its key stood for another."""
    chosen = select(_table.digest, _table.answer).where(_table.token == once.token, _table.key == once.key)
    row = connection.execute(chosen.where(_table.at > now - KEPT)).first()
    if row is None:
        return None
    if row.digest != once.digest:
        told = Message("this key stood for another request within the last day: a new request needs a new key")
        raise InputError(Problem(told, key="Idempotency-Key"))
    found: dict[str, Any] = json.loads(row.answer)
    return found


def keep_answer(connection: Connection, once: Once, answer: dict[str, Any], now: int) -> None:
    """Keep it beside what it tells of, in one transaction; what is older than a day goes."""
    connection.execute(delete(schema.answered).where(_table.at <= now - KEPT))
    text = json.dumps(answer, ensure_ascii=False)
    row = {"token": once.token, "key": once.key, "digest": once.digest, "answer": text, "at": now}
    connection.execute(insert(schema.answered).values(**row))
