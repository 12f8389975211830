"""Requests that a cloud believes for their signature: made once more of what came, with the secret that both know."""

from __future__ import annotations

from datetime import UTC, datetime
from hmac import compare_digest

import httpx

from collectors.signing import Acs3, Scheme, SdkHmac
from suanli.demo.dialects.base import USER, Asked

_APART = 900.0
"""Seconds by which a signature's time may differ from ours, as with the clouds."""


def huawei_signed(asked: Asked, secret: str) -> bool:
    """SDK-HMAC-SHA256."""
    return _signed(asked, secret, SdkHmac(), asked.headers.get("x-sdk-date", ""), "%Y%m%dT%H%M%SZ")


def alibaba_signed(asked: Asked, secret: str) -> bool:
    """ACS3-HMAC-SHA256."""
    nonce = asked.headers.get("x-acs-signature-nonce", "")
    return _signed(asked, secret, Acs3(lambda: nonce), asked.headers.get("x-acs-date", ""), "%Y-%m-%dT%H:%M:%SZ")


def _signed(asked: Asked, secret: str, scheme: Scheme, stamp: str, form: str) -> bool:
    try:
        at = datetime.strptime(stamp, form).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return False
    request = httpx.Request(asked.method, asked.url, headers=dict(asked.headers), content=asked.body)
    should = scheme.headers(request, USER, secret, at)["Authorization"]
    return abs(at - asked.at) <= _APART and compare_digest(should, asked.headers.get("authorization", ""))
