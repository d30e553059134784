"""Sound files, short-time Fourier frames and mel spectrograms."""
