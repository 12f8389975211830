"""Where the record is kept, and for how long."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ByteSize, Field, field_validator, model_validator

from suanli.config.base import STRICT
from suanli.model.errors import InputError, Problem
from suanli.model.message import Message
from suanli.model.secret import NO_PASSWORD, SecretRef, holds_password
from suanli.model.units import Duration


class StoreConfig(BaseModel):
    """Where the record is kept: sqlite:///FILE, or postgresql+psycopg://USER@HOST/DATABASE with its password named.

    min_free: what samples leave free on the disk of a SQLite file, such as 100MB; with less, polling pauses.
    """

    model_config = STRICT
    url: str
    password: SecretRef | None = None
    min_free: ByteSize = Field(default=ByteSize(64 << 20), ge=0)

    @model_validator(mode="before")
    @classmethod
    def _only_an_address(cls, value: object) -> object:
        return {"url": value} if isinstance(value, str) else value

    @field_validator("url")
    @classmethod
    def _without_password(cls, url: str) -> str:
        if holds_password(url):
            raise ValueError(NO_PASSWORD)
        return url


def store_at(url: str) -> StoreConfig:
    """The store at this address, as given on the command line; an InputError when a password is written in it."""
    if holds_password(url):
        raise InputError(Problem(NO_PASSWORD, key="store"))
    return StoreConfig(url=url)


class RetentionConfig(BaseModel):
    """How long the record is kept; `forever` has no end. What is summed into hours and days outlives its samples."""

    model_config = STRICT
    samples: Duration | Literal["forever"] = 90 * 86400
    hourly: Duration | Literal["forever"] = 5 * 365 * 86400
    daily: Duration | Literal["forever"] = "forever"

    @model_validator(mode="after")
    def _long_enough(self) -> RetentionConfig:
        lengths = [10**12 if one == "forever" else one for one in (self.samples, self.hourly, self.daily)]
        if lengths[0] < 2 * 86400:
            raise ValueError(Message("samples must be kept for at least 2d: days are made of them"))
        if lengths != sorted(lengths):
            raise ValueError(Message("hourly must not be shorter than samples, nor daily than hourly"))
        return self
