"""Mel spectrograms: front-ends, presets, files, checks, conversion, projection."""
