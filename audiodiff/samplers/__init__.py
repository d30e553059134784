"""Ways from noise to data, given the denoised estimate."""
