"""Serves Keystone or Placement with the environment's own WSGI server: serve.py NAME PORT CONFIG_FILE."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from werkzeug.serving import run_simple


def application(name: str, config: Path):
    """The service as a WSGI application; both read their configuration from the environment or the command line."""
    sys.argv = [name]  # Keystone would take our arguments for its own
    if name == "placement":
        os.environ["OS_PLACEMENT_CONFIG_DIR"] = str(config.parent)
        from placement.wsgi import init_application

        return init_application()
    os.environ["OS_KEYSTONE_CONFIG_FILES"] = str(config)
    from keystone.server.wsgi import initialize_public_application

    return initialize_public_application()


if __name__ == "__main__":
    _, service, port, file = sys.argv
    run_simple("127.0.0.1", int(port), application(service, Path(file)), threaded=True)
