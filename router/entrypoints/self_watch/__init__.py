"""
A process watches itself, and ends where it finds that it does not go on: its supervisor starts another one.

`loop` sees from a thread whether the event loop turns; `standing` sees from the loop whether what is in work goes on.
"""
