"""What steers a run: wrappers of a denoiser, one a file."""
