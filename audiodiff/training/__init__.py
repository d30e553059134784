"""Training: the config of a run, its objective, its state and its loop."""
