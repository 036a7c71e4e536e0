"""Where company facts come from."""
