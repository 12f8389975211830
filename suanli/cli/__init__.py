"""The commands: thin, and quick to start, so each imports what it needs when it runs."""
