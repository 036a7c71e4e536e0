"""The processes and commands, thin: they open, run and print."""
