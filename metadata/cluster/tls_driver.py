"""Mutual TLS between the nodes of a cluster: each shows a certificate, both when it dials and when
it is dialled, and only those that the truststore vouches for are let in.
"""

from __future__ import annotations

import ssl

import trio

from metadata.cluster.network import Connection, Listener, Network
from metadata.cluster.network_driver import OsNetwork
from raftkafka.config import BrokerConfig
from raftkafka.errors import ConfigInvalid


def system_network(config: BrokerConfig) -> Network:
    """Return TCP, under TLS if the first of ``controller.listener.names`` is SSL.

    Raises:
        ConfigInvalid: a PEM file cannot be used.
    """
    if config.cluster_protocol != "SSL":
        return OsNetwork()
    dialling = _context(config, ssl.PROTOCOL_TLS_CLIENT)
    dialling.check_hostname = bool(config.ssl_endpoint_identification_algorithm)
    return TlsNetwork(OsNetwork(), dialling, _context(config, ssl.PROTOCOL_TLS_SERVER))


def _context(config: BrokerConfig, side: int) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    password = config.ssl_key_password or ""  # without one, OpenSSL would ask at the terminal
    try:
        context.load_cert_chain(config.ssl_keystore_location or "", password=password)
    except (OSError, ssl.SSLError) as error:
        raise _unusable("keystore", config.ssl_keystore_location, config, error) from error
    try:
        context.load_verify_locations(config.ssl_truststore_location)
    except (OSError, ssl.SSLError) as error:
        raise _unusable("truststore", config.ssl_truststore_location, config, error) from error
    return context


def _unusable(
    store: str, location: str | None, config: BrokerConfig, error: OSError
) -> ConfigInvalid:
    kind = config.ssl_keystore_type if store == "keystore" else config.ssl_truststore_type
    holds = "a private key and its certificate" if store == "keystore" else "certificates"
    return ConfigInvalid(
        f"ssl.{store}.location={location} cannot be used: {error}; it must hold {holds}, as {kind}"
    )


class TlsNetwork:
    """TLS over another network (``Network``); its handshake is made with the first bytes."""

    is_authenticated = True

    def __init__(self, inner: Network, dialling: ssl.SSLContext, dialled: ssl.SSLContext) -> None:
        self._inner = inner
        self.dialling = dialling
        self.dialled = dialled

    async def connect(self, host: str, port: int) -> Connection:
        """Dial (``Network``)."""
        connection = await self._inner.connect(host, port)
        return _wrapped(connection, self.dialling, server_hostname=host)

    async def listen(self, host: str, port: int) -> Listener:
        """Listen (``Network``)."""
        return TlsListener(await self._inner.listen(host, port), self.dialled)


class TlsListener:
    """TLS over another listener (``Listener``)."""

    def __init__(self, inner: Listener, dialled: ssl.SSLContext) -> None:
        self._inner = inner
        self._dialled = dialled
        self.port = inner.port

    async def accept(self) -> Connection:
        """Wait for the next connection (``Listener``)."""
        return _wrapped(await self._inner.accept(), self._dialled)

    async def aclose(self) -> None:
        """Listen no more (``Listener``)."""
        await self._inner.aclose()


def _wrapped(
    connection: Connection, context: ssl.SSLContext, server_hostname: str | None = None
) -> Connection:
    assert isinstance(connection.stream, trio.abc.Stream)
    stream = trio.SSLStream(
        connection.stream,
        context,
        server_hostname=server_hostname,
        server_side=server_hostname is None,
        https_compatible=True,  # frames say themselves whether they are whole
    )
    return connection._replace(stream=stream)
