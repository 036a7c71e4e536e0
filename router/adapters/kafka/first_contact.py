"""
The first contact with the brokers: what goes wrong then is one sentence that names the settings to look at.

aiokafka raises only that it could not connect; why (refused, an unknown host, a
certificate) it tells its log. Both are put together here.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaConnectionError  # type: ignore[import-untyped]  # the package ships no types

from router.adapters.kafka.connection import KafkaConnection
from router.errors import DependencyDown


class _LastWords(logging.Handler):
    """Keeps the last line instead of writing it."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.why = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what went wrong: the part of 'Unable connect to "host:port": WHY' after the address."""
        self.why = record.getMessage().partition('": ')[2].strip()


@contextmanager
def first_contact(connection: KafkaConnection) -> Iterator[None]:
    """
    Tell a broker that cannot be reached within it by one `DependencyDown`; aiokafka writes nothing meanwhile.

    What a broker that answers has to say goes on as it is.
    """
    logger, last = logging.getLogger("aiokafka"), _LastWords()
    logger.addHandler(last)
    propagated, logger.propagate = logger.propagate, False
    try:
        yield
    except DependencyDown as down:
        cause = down.__cause__
        if not isinstance(cause, (KafkaConnectionError, OSError, TimeoutError)):
            raise
        why = last.why or ("it takes no Kafka request" if isinstance(cause, TimeoutError) else "no connection")
        raise DependencyDown(
            f"Kafka at {connection.bootstrap} does not answer: {why}. "
            "Start it, or correct ROUTER_KAFKA (and ROUTER_KAFKA_SECURITY_PROTOCOL and its like)."
        ) from down
    finally:
        logger.propagate = propagated
        logger.removeHandler(last)
