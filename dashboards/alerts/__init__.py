"""Alert rules for Prometheus, Alertmanager and Grafana, made of the table of alerts and of the targets."""
