"""The real servers that the tests talk to, each on loopback in its own process namespace."""
