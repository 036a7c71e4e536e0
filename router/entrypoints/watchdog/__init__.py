"""`router watchdog`: follows the topics, judges the promises as it goes, looks after the ledger, and tells managers."""
