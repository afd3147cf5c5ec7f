"""Why a key does not, or not yet, do here what it does in Kafka; one reason each, for one hint."""

from __future__ import annotations

from raftkafka.config.keys import later, none, refused

WITH_GROUPS = later("consumer groups")
WITH_TRANSACTIONS = later("transactions")
WITH_CLUSTER = later("clusters of several brokers")
WITH_CLEANER = later("the log cleaner")
WITH_QUOTAS = later("quotas")
WITH_SESSIONS = later("fetch sessions")
WITH_COMPRESSION = later("compression by the broker")

ONE_LOOP = none("a broker is one event loop on one core; more brokers use more cores")
NO_ZOOKEEPER = none("no ZooKeeper is needed: the brokers keep their metadata themselves")
NO_JVM = none("there is no JVM; metrics are served over HTTP")
NO_PURGATORY = none("waiting requests are kept by partition and leave with it, nothing piles up")
OWN_QUORUM = none("the metadata quorum has time-outs and snapshots of its own")
NO_TLS = none("no listener uses TLS")
NO_SASL = none("no listener uses SASL")
NO_AUTHORIZER = none("there is no authorizer")
NO_TOKENS = none("there are no delegation tokens")
NO_REMOTE = none("there is no tiered storage")
NO_SHARE_GROUPS = none("there are no share groups")
NO_STREAMS_GROUPS = none("there are no streams groups")
NO_TELEMETRY = none("clients' telemetry is not collected")
INTERNAL = none("a switch of Kafka's own tests")
ALWAYS_CURRENT = none("formats and versions are always the newest")

NO_JAVA_CLASS = refused("a Java class cannot be loaded here, and what it guards would be open")
"""For classes that allow or forbid something."""
