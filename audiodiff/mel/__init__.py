"""Mel spectrograms: front-ends, presets, files, inversion, conversion, projection."""
