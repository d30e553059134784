"""Diffusion vocoders: mel spectrograms in, sound out."""
