"""Running models without gradients."""
