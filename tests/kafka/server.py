"""
A real Kafka broker for tests: one node, on free ports, that a test may kill and start again.

`python -m tests.kafka.server fetch` copies the jars into `.test-kafka/libs` once;
`run` starts a broker in the foreground and prints its address. Needs Java and,
for the first fetch, Maven; no Docker.
"""

from __future__ import annotations

import hashlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

HOME = Path(__file__).resolve().parents[2] / ".test-kafka"
LIBS = HOME / "libs"
POM = Path(__file__).with_name("pom.xml")
READY_WITHIN = 60.0

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},BEHIND://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker},BEHIND://127.0.0.1:{advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,BEHIND:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={logs}
auto.create.topics.enable=false
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""


class NoKafka(Exception):
    """A broker cannot be had here; the message says what is missing."""


def fetch() -> None:
    """Copy the jars that `pom.xml` names into `.test-kafka/libs`; does nothing where they already are."""
    stamp, wanted = LIBS / ".stamp", hashlib.sha256(POM.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    maven = shutil.which("mvn")
    if maven is None:
        raise NoKafka("the jars are not in .test-kafka/libs and Maven (mvn) is not there to fetch them")
    shutil.rmtree(LIBS, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={LIBS}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoKafka(f"Maven could not fetch the jars:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    stamp.write_text(wanted)


class KafkaServer:
    """
    One broker under *folder*. `kill` and `start` again keep its data and its address.

    Whoever comes by `port_behind` is sent to `port_advertised` from then on, where a test may serve a proxy to it.
    """

    def __init__(self, folder: Path) -> None:
        java = shutil.which("java")
        if java is None:
            raise NoKafka("Java 17 or newer (java) is not installed")
        fetch()
        self._java = [java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{LIBS}/*"]
        self._folder = folder
        self._properties = folder / "server.properties"
        self._port, self.port_behind, self.port_advertised, controller = _free_ports(4)
        folder.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(
            PROPERTIES.format(
                broker=self._port,
                behind=self.port_behind,
                advertised=self.port_advertised,
                controller=controller,
                logs=folder / "logs",
            ),
            encoding="ascii",
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._format()

    @property
    def address(self) -> str:
        """What goes into `ROUTER_KAFKA`."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """The process id of the broker while it runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the broker and return when it takes connections and says it has started."""
        log = self._folder / "server.log"
        command = [*self._java, "-Xmx512m", "-Xms256m", "kafka.Kafka", str(self._properties)]
        with log.open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        deadline = time.monotonic() + READY_WITHIN
        while b"Kafka Server started" not in log.read_bytes():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Kafka did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the broker with SIGKILL, as a power cut would."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Stop it where it is: connections stay open and nothing answers, until `resume`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Stop the broker in good order."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _format(self) -> None:
        # The first byte is 0: an id that began with a dash would be taken for an option.
        cluster = urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        arguments = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties)]
        subprocess.run([*self._java, *arguments], check=True, capture_output=True)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def main(arguments: list[str]) -> int:
    """Run `fetch` or `run`."""
    try:
        if arguments == ["fetch"]:
            fetch()
        elif arguments == ["run"]:
            server = KafkaServer(HOME / f"run-{uuid.uuid4().hex[:8]}")
            server.start()
            print(f"ROUTER_TEST_KAFKA={server.address}", flush=True)  # noqa: T201 - the answer of this command
            try:
                signal.sigwait({signal.SIGINT, signal.SIGTERM})
            finally:
                server.stop()
        else:
            print("usage: python -m tests.kafka.server fetch|run", file=sys.stderr)  # noqa: T201 - usage
            return 2
    except NoKafka as error:
        print(error, file=sys.stderr)  # noqa: T201 - the answer of this command
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
