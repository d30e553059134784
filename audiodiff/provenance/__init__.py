"""What made a sound, stored in its file."""
