"""The ways between a wave and what diffuses."""
