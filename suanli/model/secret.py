"""A secret is never written in a file: it is named by `{env: NAME}` or `{file: path}` and shown as ***."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from suanli.model.errors import InputError, Problem
from suanli.model.message import Message

NO_PASSWORD = Message("an address holds no password: name it beside the address, {url: ..., password: {env: NAME}}")
_PASSWORD = re.compile(r"[^:/?#]*://[^:/]*:[^@]*@|[?&][^=&]*(?:password|passwd|secret)[^=&]*=", re.IGNORECASE)


def holds_password(address: str) -> bool:
    """Whether a password is written in this address, before its host or among its options."""
    return _PASSWORD.search(address) is not None


class Hidden:
    """Takes secrets out of what others say to us: who does not like a token may repeat it, in whichever form."""

    def __init__(self, *secrets: str) -> None:
        forms = {form for secret in secrets if secret for form in forms_of(secret)}
        self._forms = sorted(forms, key=len, reverse=True)  # a form may be part of a longer one

    def __call__(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, "***")
        return text


def forms_of(secret: str) -> Iterator[str]:
    """How others may write it when they repeat it."""
    yield secret
    yield repr(secret)[1:-1]
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield from (quote(secret, safe=""), quote(secret), quote_plus(secret))
    yield from (html.escape(secret), html.escape(secret, quote=False))
    yield base64.b64encode(secret.encode()).decode()


class SecretRef(BaseModel):
    """Where a secret is kept; the secret itself is read by `reveal` and held by nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    env: str | None = None
    file: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _never_in_the_file(cls, value: object) -> object:
        if isinstance(value, str):
            # The text is left out on purpose: it may be the secret.
            raise ValueError(Message("a secret is not written in a file: write {env: NAME} or {file: path}"))
        return value

    @model_validator(mode="after")
    def _exactly_one(self) -> SecretRef:
        if (self.env is None) == (self.file is None):
            raise ValueError(Message("expected one of {env: NAME} and {file: path}"))
        return self

    def reveal(self) -> SecretStr:
        """The secret as it is now; a missing, unreadable or empty one is an InputError naming its place."""
        text = os.environ.get(self.env) if self.env is not None else self._read()
        if not text or not text.strip():
            where = f"environment variable {self.env}" if self.env else f"file {self.file}"
            raise InputError(Problem(Message("secret missing: {where} is not set or is empty", where=where)))
        return SecretStr(text.strip())

    def _read(self) -> str:
        try:
            return Path(self.file or "").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                Problem(
                    Message("secret missing: cannot read {file}: {why}", file=self.file, why=error.__class__.__name__)
                )
            ) from None
