"""What boards are made of: pure functions that return the JSON of Grafana."""
