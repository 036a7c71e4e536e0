"""Serves the application on a socket until it is cancelled, and then lets requests in work end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

import uvicorn

from router.entrypoints.gateway.app import create_app
from router.entrypoints.gateway.door import Door
from router.errors import BadInput
from router.settings import Settings

STOPS_WITHIN: Final = 5
"""Seconds that requests in work have when the process is asked to stop; a supervisor kills it after ten in all."""

WAITING_CALLS: Final = 1024


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """Take the address of `ROUTER_LISTEN`; raises `BadInput` where it cannot be had."""
    host, port = settings.listen_address
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
    except OSError as error:
        raise BadInput(_cannot(settings, error)) from None
    with listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(WAITING_CALLS)
        except OSError as error:
            raise BadInput(_cannot(settings, error)) from None
        yield listener


def address_of(listener: socket.socket) -> str:
    """Return the address to open in a browser."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what was chosen, not a choice
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"


async def serve(door: Door, listener: socket.socket) -> None:
    """Serve until cancelled; then take no more, end the streams, and let what is in work end."""
    config = uvicorn.Config(
        create_app(door),
        log_config=None,
        access_log=False,  # addresses and paths are nobody's in a log
        server_header=False,
        lifespan="on",  # the pages follow the log
        proxy_headers=True,
        forwarded_allow_ips=list(door.settings.trusted_addresses),
        timeout_graceful_shutdown=STOPS_WITHIN,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    finally:
        door.feed.close()
        server.should_exit = True
        await asyncio.wait([serving])


class _Server(uvicorn.Server):
    """A server that leaves the signals to the process."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]  # as a context manager it is one
        """Capture none."""
        return nullcontext()


def _cannot(settings: Settings, error: OSError) -> str:
    return f"ROUTER_LISTEN={settings.listen}: cannot listen there ({error.strerror}). Stop who does, or choose another."
