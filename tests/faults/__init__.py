"""What breaks while the real process runs: nothing that was acknowledged is lost."""
