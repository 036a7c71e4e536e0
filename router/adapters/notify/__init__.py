"""Channels that notifications leave by."""
