"""What the keys of a cluster must be together: roles, voters, listeners, proof of identity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from raftkafka.config.broker_keys import BrokerConfig
from raftkafka.config.tls_keys import PEM

VOTERS = "controller.quorum.voters"
BOOTSTRAP = "controller.quorum.bootstrap.servers"
LISTENERS = "controller.listener.names"
CLUSTER_PROTOCOLS = ("PLAINTEXT", "SSL")
ELECTION_TIMEOUT_MIN_MS = 50
VOTER_COUNTS = (1, 3, 5)
LOCAL_HOSTS = ("localhost", "::1")


class Breach(NamedTuple):
    """A key whose value does not go with the others', and why."""

    key: str
    why: str


Breaches = Iterator[Breach]


def is_voter(config: BrokerConfig) -> bool:
    """Whether this node is in the list of voters."""
    return any(voter.node_id == config.node_id for voter in config.controller_quorum_voters)


def is_lone(config: BrokerConfig) -> bool:
    """Whether nobody but this node can be in its cluster.

    A list of voters, even of this node alone, tells others where to join.
    """
    if config.controller_quorum_voters:
        return False
    return not config.controller_quorum_bootstrap_servers or "controller" in config.process_roles


def roles_fit(config: BrokerConfig) -> Breaches:
    """A node is what the list of voters makes it."""
    roles, voters, node_id = config.process_roles, config.controller_quorum_voters, config.node_id
    listed = ",".join(map(str, voters))
    if "controller" in roles and voters and not is_voter(config):
        yield Breach(
            "process.roles",
            f"node.id={node_id} is none of {VOTERS}={listed}: put {node_id}@host:port there, on "
            "all nodes, or set process.roles=broker",
        )
    if roles and "controller" not in roles:
        if is_voter(config):
            yield Breach(
                "process.roles",
                f"node.id={node_id} is one of {VOTERS}={listed}: set "
                "process.roles=broker,controller, or take it out of the list, on all nodes",
            )
        elif is_lone(config):
            yield Breach(
                "process.roles",
                f"nobody keeps the metadata: set {VOTERS}=id@host:port,... to the nodes that do, "
                "or process.roles=broker,controller for a node by itself",
            )
    if roles == ("controller",) and is_lone(config):
        yield Breach(
            "process.roles",
            f"a lone node has both roles: valid is broker,controller; or set {VOTERS}"
            f"={config.node_id}@host:port, for brokers that join it",
        )


def quorum_is_sound(config: BrokerConfig) -> Breaches:
    """The quorum is one that survives failures."""
    voters = config.controller_quorum_voters
    if voters and len(voters) not in VOTER_COUNTS:
        yield Breach(
            VOTERS,
            f"names {len(voters)} voters: valid are 1, 3 (one may fail) or 5 (two may fail); "
            "further brokers follow without a vote",
        )
    if config.controller_quorum_election_timeout_ms < ELECTION_TIMEOUT_MIN_MS:
        why = f"no leader lasts with less than {ELECTION_TIMEOUT_MIN_MS}"
        yield Breach("controller.quorum.election.timeout.ms", why)
    servers = config.controller_quorum_bootstrap_servers
    if "controller" in config.process_roles and not voters and len(servers) > 1:
        yield Breach(
            BOOTSTRAP,
            f"several controllers are named by {VOTERS}=id@host:port,..., on all nodes",
        )


def cluster_listener_is_there(config: BrokerConfig) -> Breaches:
    """A voter of a cluster listens for the others, and both ends speak the same protocol."""
    if is_lone(config):
        return
    names = config.controller_listener_names
    if is_voter(config) and names and not config.controller_listeners:
        yield Breach(
            LISTENERS,
            f"none of listeners is {names[0]}: add {names[0]}://:{_own_port(config)} to listeners",
        )
    clients = {each.port: each.name for each in config.listeners}
    if is_voter(config) and _own_port(config) in clients:
        port = _own_port(config)
        yield Breach(
            VOTERS,
            f"port {port} is where listener {clients[port]} serves clients: put a port of its own "
            f"for nodes there, {config.node_id}@host:{_another(config)}, on all nodes",
        )
    if config.cluster_protocol not in CLUSTER_PROTOCOLS:
        yield Breach(
            LISTENERS,
            f"listener {names[0]} is {config.cluster_protocol}: valid are PLAINTEXT, with "
            "cluster.secret.file, and SSL; listener.security.protocol.map says which",
        )


def tls_is_complete(config: BrokerConfig) -> Breaches:
    """Between nodes, TLS needs a certificate of each, and one that vouches for all."""
    if is_lone(config) or config.cluster_protocol != "SSL":
        return
    for store, location, kind in (
        ("keystore", config.ssl_keystore_location, config.ssl_keystore_type),
        ("truststore", config.ssl_truststore_location, config.ssl_truststore_type),
    ):
        if location is None:
            why = f"listener {config.controller_listener_names[0]} is SSL: name a PEM file"
            yield Breach(f"ssl.{store}.location", why)
        elif kind.upper() != PEM:
            yield Breach(f"ssl.{store}.type", f"valid is {PEM}: convert {location}")


def remarks(config: BrokerConfig) -> Iterator[str]:
    """Say what of a cluster's keys is not as it seems, though nothing is wrong."""
    if is_lone(config):
        if config.controller_listeners:
            closed = ", ".join(map(str, config.controller_listeners))
            yield f"not opened, because a lone node has no peers: {closed}"
        if config.controller_quorum_bootstrap_servers:
            yield (
                f"{BOOTSTRAP}: no effect: {VOTERS} names the quorum, and a node without it is "
                "its own"
            )
        return
    if config.cluster_secret_file is None and config.cluster_protocol != "SSL":
        hosts = {voter.host for voter in config.controller_quorum_voters}
        if not all(host in LOCAL_HOSTS or host.startswith("127.") for host in hosts):
            yield (
                "without cluster.secret.file only nodes of this machine find together: type "
                "'raftkafka secret FILE', copy the file to all nodes, and set "
                "cluster.secret.file=FILE"
            )
    own = [v for v in config.controller_quorum_voters if v.node_id == config.node_id]
    bound = config.controller_listeners[:1]
    if own and bound and own[0].port != bound[0].port:
        yield (
            f"the others look for this node at port {own[0].port} ({VOTERS}), and it listens at "
            f"{bound[0].port} (listeners): only right if something forwards the one to the other"
        )


def _another(config: BrokerConfig) -> int:
    """Return the port that is meant for other nodes, or might be."""
    bound = config.controller_listeners
    return bound[0].port if bound else _own_port(config) + 1


def _own_port(config: BrokerConfig) -> int:
    return next(v.port for v in config.controller_quorum_voters if v.node_id == config.node_id)
