"""The pages for reps and managers; see `router.entrypoints.pages`."""

from __future__ import annotations

from router.entrypoints.pages.routes import routes

__all__ = ["routes"]
