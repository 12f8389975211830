"""What mitmproxy does to the answers that pass through it: as FAULT.json in its folder of keys says, read for each.

{"fault": NAME, "after": N}: the first N answers from then on pass as they are.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from mitmproxy import ctx, http


class Faults:
    """One of these for the whole run."""

    def __init__(self) -> None:
        self._told, self._seen = "", 0

    async def request(self, flow: http.HTTPFlow) -> None:
        fault = self._now()
        if fault == "busy":
            flow.response = http.Response.make(503, b"come back later", {"Retry-After": "7"})
        if fault == "slow":
            await asyncio.sleep(0.5)
        flow.metadata["fault"] = fault

    def response(self, flow: http.HTTPFlow) -> None:
        if do := getattr(self, f"_{flow.metadata['fault']}", None):
            do(flow)

    def _now(self) -> str:
        told = (Path(ctx.options.confdir) / "FAULT.json").read_text()
        if told != self._told:
            self._told, self._seen = told, 0
        self._seen += 1
        wanted = json.loads(told)
        return wanted["fault"] if self._seen > wanted["after"] else "none"

    def _truncated(self, flow: http.HTTPFlow) -> None:
        flow.response.content = flow.response.content[: len(flow.response.content) // 2]

    def _cut(self, flow: http.HTTPFlow) -> None:
        """The connection ends in the middle of what was announced."""
        flow.response.decode()
        whole = flow.response.content
        flow.response.content = whole[: len(whole) // 2]
        flow.response.headers.pop("Transfer-Encoding", None)
        flow.response.headers["Content-Length"] = str(len(whole))
        flow.response.headers["Connection"] = "close"

    def _killed(self, flow: http.HTTPFlow) -> None:
        flow.kill()

    def _page(self, flow: http.HTTPFlow) -> None:
        """A portal's page in place of the answer."""
        flow.response = http.Response.make(200, b"<html><title>Sign in</title></html>", {"Content-Type": "text/html"})

    def _mislabelled(self, flow: http.HTTPFlow) -> None:
        flow.response.headers["Content-Type"] = "text/html"

    def _empty(self, flow: http.HTTPFlow) -> None:
        flow.response.content = b""


addons = [Faults()]
