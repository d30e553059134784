"""Other libraries' ways to call, each in a module that is named after its library."""
