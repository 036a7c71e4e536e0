"""Lists that ship with the domain, written for this project; each file opens with what it holds."""
