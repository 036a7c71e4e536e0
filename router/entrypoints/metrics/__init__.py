"""
What the processes tell of themselves in numbers.

`table` is the one list of all metrics; `figures` keeps the numbers of one process; `ports` counts what passes through
the pipeline's ports; `vitals` looks around every few seconds; `serve` shows all of it over HTTP.
"""
