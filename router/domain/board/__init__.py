"""What pages for reps and managers show: the present as the ledger has it, and the day's numbers from events."""
