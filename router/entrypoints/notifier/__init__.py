"""`router notifier`: reads what is to be told, keeps it, and sees it out through the channels. Any number may run."""
