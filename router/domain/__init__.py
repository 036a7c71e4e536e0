"""What the router decides, as pure functions: no I/O, no clock, no randomness."""
