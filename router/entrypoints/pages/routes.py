"""All pages in one router, and what follows the log for them."""

from __future__ import annotations

from fastapi import APIRouter

from router.entrypoints.pages import answer, assets, board, leads, samples, sign_in
from router.entrypoints.pages.desk import following

routes = APIRouter(lifespan=following)
for each in (sign_in, leads, answer, board, samples, assets):
    routes.include_router(each.routes)
