"""
Whatever comes in: events on every input topic, in every form, and configurations.

`targets` says what must hold, of bytes; `drawing` makes input for it with
Hypothesis, for CI; `python -m tests.fuzz` lets atheris look for it at length.
"""
