"""A program as an operator writes it for `exec`: asks a portal and prints a line a pool. It is started by its path.

URL of the portal as its only argument, the token in SUANLI_PORTAL_TOKEN. What fails ends it with the reason on stderr.
"""

from __future__ import annotations

import json
import os
import sys
from urllib.request import Request, urlopen

_PATIENCE = 12


def lines(url: str, token: str) -> list[str]:
    """A JSON object each, with the columns that `exec` reads."""
    request = Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - of our own configuration
    with urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - as above
        pools = json.load(answer)["data"]["pools"]
    told = [
        {"pool": one["name"], "online_devices": one["deviceUp"], "used_devices": one["deviceBusy"]} for one in pools
    ]
    return [json.dumps(one, ensure_ascii=False) for one in told]


if __name__ == "__main__":
    print("\n".join(lines(sys.argv[1], os.environ["SUANLI_PORTAL_TOKEN"])))
