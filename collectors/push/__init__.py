"""Sites that nobody can ask: behind a firewall, they bring their samples themselves."""
