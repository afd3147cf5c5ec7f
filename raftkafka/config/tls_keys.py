"""Broker keys of TLS, which the connections between the nodes of a cluster can use.

Names, types and defaults: Kafka 4.3 ``SslConfigs``.
"""

from __future__ import annotations

from raftkafka.config.section import Section, converted, optional_string, string
from raftkafka.config.values import Type

PEM = "PEM"
HTTPS = "https"


def _password(text: str) -> str | None:
    return text


class TlsKeys(Section):
    """How the nodes of a cluster prove themselves, where their listener is SSL."""

    ssl_keystore_type: str = string(
        "ssl.keystore.type",
        default="JKS",
        doc="The format of ssl.keystore.location. It must be PEM where TLS is used.",
    )
    ssl_keystore_location: str | None = optional_string(
        "ssl.keystore.location",
        default=None,
        doc="A PEM file: this node's private key, its certificate, and those that vouch for it. "
        "It is shown to other nodes both when they dial and when they are dialled.",
    )
    ssl_key_password: str | None = converted(
        _password,
        Type.PASSWORD,
        "ssl.key.password",
        default=None,
        doc="Opens the private key, if it is encrypted.",
    )
    ssl_truststore_type: str = string(
        "ssl.truststore.type",
        default="JKS",
        doc="The format of ssl.truststore.location. It must be PEM where TLS is used.",
    )
    ssl_truststore_location: str | None = optional_string(
        "ssl.truststore.location",
        default=None,
        doc="A PEM file: the certificates that vouch for all nodes of the cluster, and for nobody "
        "else: who shows one that they vouch for is a node.",
    )
    ssl_endpoint_identification_algorithm: str = string(
        "ssl.endpoint.identification.algorithm",
        default=HTTPS,
        choices=(HTTPS, ""),
        doc="With https, the certificate of a node that is dialled must name the host that was "
        "dialled; empty for no such check.",
    )
