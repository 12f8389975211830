"""Real servers of the tests are on loopback, which nobody reaches who does not say so."""

from __future__ import annotations

from suanli.config import ReachConfig

LOOPBACK = {"networks": ["127.0.0.0/8", "::1/128"]}
"""`reach` of a config.yaml."""
loopback = ReachConfig.model_validate(LOOPBACK).of
"""The same as a `ClientPool` takes it."""
