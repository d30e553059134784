"""Training: the run's config, what it minimises, its state and its loop."""
