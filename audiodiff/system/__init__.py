"""The machine: files written whole or not at all, jobs over files, processes, devices."""
