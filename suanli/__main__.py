"""`suanli` and `python -m suanli`."""

from __future__ import annotations

from suanli.cli.main import main

if __name__ == "__main__":
    main()
