"""Suanli (算力): computing power that is online and used, as numbers that can be trusted."""

__version__ = "0.1.0"
