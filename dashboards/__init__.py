"""The room SEEN: boards and provisioning for Grafana, generated from the table of metrics."""
