"""What a trainer minimises, one a file."""
