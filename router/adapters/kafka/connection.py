"""
How to reach the Kafka cluster: addresses, TLS and SASL, for every client of this package.

Options carry librdkafka's names, as operators know them; unset means what
librdkafka does.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from router.errors import BadInput

KNOWN = frozenset(
    {
        "security.protocol",
        "sasl.mechanism",
        "sasl.username",
        "sasl.password",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.key.location",
        "ssl.key.password",
        "ssl.endpoint.identification.algorithm",
    }
)


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Addresses (`host:port[,...]`) and what was set of TLS and SASL."""

    bootstrap: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)  # holds passwords

    def __post_init__(self) -> None:
        if unknown := sorted(self.options.keys() - KNOWN):
            raise BadInput(f"Kafka options {', '.join(unknown)}: not supported. Known are {', '.join(sorted(KNOWN))}.")
        protocol = self.options.get("security.protocol", "PLAINTEXT")
        sasl = {"sasl.username", "sasl.password"}
        if protocol.startswith("SASL") and (missing := sorted(sasl - self.options.keys())):
            raise BadInput(f"security.protocol {protocol} needs {' and '.join(missing)} too.")
        if not protocol.startswith("SASL") and (idle := sorted(sasl & self.options.keys())):
            raise BadInput(f"{', '.join(idle)}: of no use with security.protocol {protocol}. Did you mean SASL_SSL?")

    @property
    def servers(self) -> list[str]:
        """The addresses, one by one."""
        return [each.strip() for each in self.bootstrap.split(",")]

    @property
    def tls(self) -> ssl.SSLContext | None:
        """The TLS context, or None where the protocol has none; raises `BadInput` for a file that cannot be used."""
        if not self.options.get("security.protocol", "").endswith("SSL"):
            return None
        given = self.options.get
        try:
            context = ssl.create_default_context(cafile=given("ssl.ca.location"))
            if certificate := given("ssl.certificate.location"):
                context.load_cert_chain(certificate, given("ssl.key.location"), given("ssl.key.password"))
        except OSError as error:  # ssl.SSLError is one
            raise BadInput(f"Kafka's TLS files cannot be used: {error.strerror or error}.") from None
        if given("ssl.endpoint.identification.algorithm") == "none":
            context.check_hostname = False
        return context

    def client_arguments(self) -> dict[str, object]:
        """Return the arguments that every aiokafka client takes."""
        arguments: dict[str, object] = {
            "bootstrap_servers": self.servers,
            "security_protocol": self.options.get("security.protocol", "PLAINTEXT"),
            "ssl_context": self.tls,
        }
        if "sasl.username" in self.options:
            arguments["sasl_mechanism"] = self.options.get("sasl.mechanism", "PLAIN")
            arguments["sasl_plain_username"] = self.options["sasl.username"]
            arguments["sasl_plain_password"] = self.options["sasl.password"]
        return arguments
