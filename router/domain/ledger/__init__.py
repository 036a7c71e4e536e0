"""The ledger: verbs in, facts out. `model` is the specification of what runs in Redis."""
