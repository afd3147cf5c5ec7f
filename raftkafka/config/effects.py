"""Why a key does not, or not yet, do here what it does in Kafka; one reason each, for one hint."""

from __future__ import annotations

from raftkafka.config.keys import later, none, refused

WITH_GROUPS = later("consumer groups")
WITH_TRANSACTIONS = later("transactions")
WITH_CLUSTER = later("clusters of several brokers")
WITH_REPLICATION = later("replication")
WITH_CLEANER = later("the log cleaner")
WITH_QUOTAS = later("quotas")
WITH_SESSIONS = later("fetch sessions")
WITH_COMPRESSION = later("compression by the broker")

ONE_LOOP = none("a broker is one event loop on one core; more brokers use more cores")
BATCHED = none("what one turn of the event loop brings is written at once, in bounded slices")
NO_PURGATORY = none("waiting requests are kept by partition, and leave when they are answered")
OWN_QUORUM = none("the metadata quorum has its own time-outs, journal and snapshots")
NO_ZOOKEEPER = none("no ZooKeeper is needed: the brokers keep their metadata themselves")
NO_JVM = none("there is no JVM and no JMX; http.listeners serves metrics")
NO_TLS = none("only nodes use TLS among themselves, with PEM files named by ssl.*.location")
NO_SASL = none("no listener uses SASL")
NO_AUTHORIZER = none("there is no authorizer")
NO_TOKENS = none("there are no delegation tokens")
NO_REMOTE = none("there is no tiered storage")
NO_SHARE_GROUPS = none("there are no share groups")
NO_STREAMS_GROUPS = none("there are no streams groups")
NO_TELEMETRY = none("the telemetry of clients is not collected")
NEWEST_FORMATS = none("formats and versions are always the newest")
GIVEN_IDS = none("node ids are given, not generated")
BY_TIME = none("lag is a matter of time: replica.lag.time.max.ms")
BY_TOPIC = none("set the key on the topic, as retention.ms or flush.ms")
NO_LISTENER_KEYS = none("limits hold for all listeners together, and none uses TLS or SASL")
BY_CONNECTION = none("each connection is bounded: queued.max.requests, socket.request.max.bytes")
INTERNAL = none("a switch of Kafka's own tests")

JAVA_CLASS = refused("a Java class cannot be loaded here, and what it guards would lie open")
NO_PROVIDERS = refused("values are taken as they stand, so what it would fill in would be missing")
NOT_YET = refused("not supported yet")
