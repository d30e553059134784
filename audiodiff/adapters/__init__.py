"""Vocoders with the calling conventions of other libraries, each in a module of that name."""
