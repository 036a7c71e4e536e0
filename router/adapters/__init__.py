"""The outside world behind our ports: one folder a kind of server."""
