"""Tests of form platforms: their signatures, their messages, and their requests at the gateway."""
