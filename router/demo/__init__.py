"""
The shipped example: a policy, a stretch of submissions, and reps who follow a script.

All people, companies and messages were invented for this project. `script` reads
them; playing them through the pipeline is left to `router demo`.
"""
