"""Sound files, short-time Fourier frames and the distance of spectra."""
