"""Keeps pytest from importing programs whose packages need not be installed."""

collect_ignore_glob = ["by_*.py"]
