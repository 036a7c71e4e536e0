"""The log and the ledger with nothing to install: the bundled Valkey, and streams on it."""
