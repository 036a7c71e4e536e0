"""The ledger, its outbox and the activities in Redis; the verbs themselves are in `lua/`."""
