"""Bugs put in on purpose, to see that something catches each."""
