"""A model directory: config, weights, found times."""
