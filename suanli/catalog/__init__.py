"""Facts about the world, each with its source: accelerators' peaks and published benchmarks."""
