"""Real receivers on loopback: an HTTP server that answers as it is told, and an SMTP server that keeps its mail."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in."""

    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def id(self) -> str:
        """The webhook's id."""
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """
    A web server that keeps what it is sent.

    * **answers** - the statuses of the coming answers, in order; after them 204.
    * **always** - the status of every answer, where set.
    * **takes** - seconds until it answers.
    """

    answers: list[int] = field(default_factory=list)
    always: int | None = None
    takes: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    url: str = ""
    _over: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> list[str]:
        """The ids of all webhooks so far."""
        return [request.id for request in self.requests]

    def answer(self) -> int:
        """Take its time, then say what the next answer is."""
        if self.takes:
            self._over.wait(self.takes)
        if self.always is not None:
            return self.always
        return self.answers.pop(0) if self.answers else 204

    @contextmanager
    def listening(self) -> Iterator[Receiver]:
        """Listen on a free port."""
        server = _Server(("127.0.0.1", 0), _Handler)
        server.receiver = self
        self.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    receiver: Receiver

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the base class's signature
        """Say nothing of a client that went away: some tests are about that."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Keep the request and answer."""
        receiver = cast("_Server", self.server).receiver
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.requests.append(Request(headers, body, time.monotonic()))
        self.send_response(receiver.answer())
        for name, value in receiver.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's signature
        """Log nothing."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as the server took it."""

    to: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        """What it is about."""
        return str(self.message["subject"])

    def part(self, kind: str) -> str:
        """Return the text of the part that is `plain` or `html`."""
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content())


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class MailServer:
    """
    A real SMTP server.

    * **refuses** - how many of the coming mails it refuses first.
    """

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.refuses = 0
        self.passwords: list[bytes] = []
        self.port = free_port()
        self.controller = Controller(
            self, hostname="127.0.0.1", port=self.port, authenticator=self._let_in, auth_require_tls=False
        )

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail, or refuse it for now."""
        if self.refuses:
            self.refuses -= 1
            return "451 4.3.0 try again later"
        content = envelope.content
        assert isinstance(content, bytes)
        parsed = message_from_bytes(content, policy=policy.default)
        self.mails.append(Mail(tuple(str(one) for one in envelope.rcpt_tos), parsed))
        return "250 taken"

    def _let_in(self, *given: Any) -> AuthResult:  # noqa: ANN401 - whatever aiosmtpd gives
        self.passwords.append(given[-1].password)
        return AuthResult(success=True)
