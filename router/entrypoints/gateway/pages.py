"""The pages for reps and managers."""

from __future__ import annotations

from fastapi import APIRouter

routes = APIRouter()
