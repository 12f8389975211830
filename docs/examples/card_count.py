#!/usr/bin/env python3
"""A program for kind `exec`: counts the cards that an in-house tool lists, and prints a line a model.

The tool writes a table with a line a card: model,state (busy, free, or anything else: out of service).
"""

import csv
import json
import sys
from collections import Counter


def main(listed: str) -> None:
    """Print what is online and used; end with the reason, and so with status 1, where nothing can be known."""
    with open(listed, encoding="utf-8", newline="") as file:
        states = Counter((card["model"], card["state"]) for card in csv.DictReader(file))
    if not states:
        sys.exit(f"{listed} lists no card at all: is the tool still running?")
    for model in sorted({model for model, _ in states}):
        busy, free = states[model, "busy"], states[model, "free"]
        print(json.dumps({"pool": model, "online_devices": busy + free, "used_devices": busy}))


if __name__ == "__main__":
    main(sys.argv[1])
