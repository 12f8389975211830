"""For all tests: the real servers as fixtures."""

pytest_plugins = ["tests.servers.fixtures"]
