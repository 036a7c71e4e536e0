"""What happens to a deployment when something of it is killed, stopped, cut off or wrong: rows of faults, judged."""
