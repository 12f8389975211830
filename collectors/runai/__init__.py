"""Run:ai through its control plane."""
