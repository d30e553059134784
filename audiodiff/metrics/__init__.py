"""Judging sound against its reference."""
