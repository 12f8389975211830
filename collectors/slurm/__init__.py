"""Slurm through slurmrestd, v0.0.36 to v0.0.45."""
