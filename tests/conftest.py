"""For all tests: the real servers as fixtures, and generated examples however slow the machine is at the moment."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.servers.fixtures"]
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
