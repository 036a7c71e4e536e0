"""A lost ledger is made again from the log: by a worker that finds it gone, or by hand."""
