"""Training data: which clips there are, their samples, and crops of them."""
