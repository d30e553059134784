"""The search for the best times of a run: for one sampler and one number of steps."""
