"""What form platforms post to the gateway."""

from __future__ import annotations

from fastapi import APIRouter

routes = APIRouter()
