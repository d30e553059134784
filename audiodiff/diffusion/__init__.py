"""The diffusion process itself: schedules, targets, times, priors, noise and the denoiser."""
