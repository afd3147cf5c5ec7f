"""Broker keys of Kafka that change nothing here, or nothing yet, each with the reason.

Names, types and defaults: Kafka 4.3, but for Java classes, which cannot be defaults here. These
keys have no attribute, because nobody would read it.
"""

from __future__ import annotations

from collections.abc import Iterator

from raftkafka.config.effects import (
    BATCHED,
    BY_CONNECTION,
    BY_TIME,
    BY_TOPIC,
    GIVEN_IDS,
    INTERNAL,
    JAVA_CLASS,
    NEWEST_FORMATS,
    NO_AUTHORIZER,
    NO_JVM,
    NO_LISTENER_KEYS,
    NO_PROVIDERS,
    NO_PURGATORY,
    NO_REMOTE,
    NO_SASL,
    NO_SHARE_GROUPS,
    NO_STREAMS_GROUPS,
    NO_TELEMETRY,
    NO_TLS,
    NO_TOKENS,
    NO_ZOOKEEPER,
    NOT_YET,
    ONE_LOOP,
    OWN_QUORUM,
    WITH_CLUSTER,
    WITH_GROUPS,
    WITH_QUOTAS,
)
from raftkafka.config.keys import Effect, Key
from raftkafka.config.values import Type

NOT_SET = "-"
EMPTY = "''"


def rows(effect: Effect, table: str) -> Iterator[Key]:
    """Read lines of name, type and default."""
    for line in table.strip().splitlines():
        name, kind, default = line.split()
        text = {NOT_SET: None, EMPTY: ""}.get(default, default)
        yield Key(name, Type[kind], text, effect=effect)


REMOVED_KEYS = (
    *rows(
        NEWEST_FORMATS,
        """
        inter.broker.protocol.version STRING -
        log.message.format.version STRING -
        log.message.downconversion.enable BOOLEAN true
        """,
    ),
    *rows(
        GIVEN_IDS,
        """
        broker.id.generation.enable BOOLEAN true
        reserved.broker.max.id INT 1000
        """,
    ),
    *rows(
        WITH_CLUSTER,
        """
        control.plane.listener.name STRING -
        controlled.shutdown.max.retries INT 3
        controlled.shutdown.retry.backoff.ms LONG 5000
        leader.imbalance.per.broker.percentage INT 10
        """,
    ),
    *rows(
        WITH_QUOTAS,
        """
        quota.consumer.default LONG 9223372036854775807
        quota.producer.default LONG 9223372036854775807
        """,
    ),
    *rows(
        WITH_GROUPS,
        """
        offsets.commit.required.acks SHORT -1
        """,
    ),
    *rows(
        BY_TIME,
        """
        replica.lag.max.messages LONG 4000
        """,
    ),
    *rows(
        ONE_LOOP,
        """
        num.threads INT 8
        """,
    ),
    *rows(
        NO_ZOOKEEPER,
        """
        enable.zookeeper BOOLEAN true
        """,
    ),
    *rows(
        NO_JVM,
        """
        auto.include.jmx.reporter BOOLEAN true
        monitoring.period.secs INT 600
        """,
    ),
    *rows(
        NO_TOKENS,
        """
        delegation.token.master.key PASSWORD -
        """,
    ),
    *rows(
        NO_AUTHORIZER,
        """
        allow.everyone.if.no.acl.found BOOLEAN false
        super.users STRING -
        """,
    ),
    *rows(
        BY_TOPIC,
        """
        log.flush.interval.ms.per.topic STRING -
        log.retention.bytes.per.topic STRING -
        log.retention.hours.per.topic STRING -
        log.roll.hours.per.topic STRING -
        log.segment.bytes.per.topic STRING -
        topic.flush.intervals.ms STRING -
        topic.log.retention.hours STRING -
        topic.partition.count.map STRING -
        """,
    ),
)
"""What older releases had, and 4.3 has no longer."""

PREFIXES = {
    "zookeeper.": NO_ZOOKEEPER,
    "zk.": NO_ZOOKEEPER,
    "kafka.csv.": NO_JVM,
    "password.encoder.": NO_ZOOKEEPER,
    "listener.name.": NO_LISTENER_KEYS,
    "rlmm.config.": NO_REMOTE,
    "rsm.config.": NO_REMOTE,
}
"""Families of keys, by how their names begin."""

UNUSED_KEYS = (
    *rows(
        WITH_CLUSTER,
        """
        num.replica.alter.log.dirs.threads INT -
        replica.selector.class STRING -
        socket.connection.setup.timeout.max.ms LONG 30000
        socket.connection.setup.timeout.ms LONG 10000
        """,
    ),
    *rows(
        WITH_QUOTAS,
        """
        alter.log.dirs.replication.quota.window.num INT 11
        alter.log.dirs.replication.quota.window.size.seconds INT 1
        controller.quota.window.num INT 11
        controller.quota.window.size.seconds INT 1
        quota.window.num INT 11
        quota.window.size.seconds INT 1
        replication.quota.window.num INT 11
        replication.quota.window.size.seconds INT 1
        """,
    ),
    *rows(
        ONE_LOOP,
        """
        background.threads INT 10
        early.start.listeners LIST -
        group.coordinator.background.threads INT 2
        group.coordinator.threads INT 4
        num.io.threads INT 8
        num.network.threads INT 3
        """,
    ),
    *rows(
        BY_CONNECTION,
        """
        queued.max.request.bytes LONG -1
        """,
    ),
    *rows(
        BATCHED,
        """
        group.coordinator.append.linger.ms INT -1
        group.coordinator.cached.buffer.max.bytes INT 1048588
        offsets.load.buffer.size INT 5242880
        transaction.state.log.load.buffer.size INT 5242880
        """,
    ),
    *rows(
        NO_PURGATORY,
        """
        delete.records.purgatory.purge.interval.requests INT 1
        fetch.purgatory.purge.interval.requests INT 1000
        producer.purgatory.purge.interval.requests INT 1000
        share.fetch.purgatory.purge.interval.requests INT 1000
        """,
    ),
    *rows(
        OWN_QUORUM,
        """
        controller.quorum.append.linger.ms INT 25
        controller.quorum.auto.join.enable BOOLEAN false
        controller.quorum.election.backoff.max.ms INT 1000
        controller.quorum.fetch.max.bytes INT 1048576
        controller.quorum.fetch.snapshot.max.bytes INT 1048576
        controller.quorum.fetch.timeout.ms INT 2000
        controller.quorum.request.timeout.ms INT 2000
        controller.quorum.retry.backoff.ms INT 20
        controller.socket.timeout.ms INT 30000
        metadata.log.max.record.bytes.between.snapshots LONG 20971520
        metadata.log.max.snapshot.interval.ms LONG 3600000
        metadata.log.segment.bytes INT 1073741824
        metadata.log.segment.ms LONG 604800000
        metadata.max.idle.interval.ms INT 500
        metadata.max.retention.bytes LONG 104857600
        metadata.max.retention.ms LONG 604800000
        """,
    ),
    *rows(
        NO_JVM,
        """
        kafka.metrics.polling.interval.secs INT 10
        kafka.metrics.reporters LIST ''
        metric.reporters LIST org.apache.kafka.common.metrics.JmxReporter
        metrics.num.samples INT 2
        metrics.recording.level STRING INFO
        metrics.sample.window.ms LONG 30000
        """,
    ),
    *rows(
        NO_TLS,
        """
        security.providers STRING -
        ssl.allow.dn.changes BOOLEAN false
        ssl.allow.san.changes BOOLEAN false
        ssl.cipher.suites LIST ''
        ssl.client.auth STRING none
        ssl.enabled.protocols LIST TLSv1.2,TLSv1.3
        ssl.engine.factory.class CLASS -
        ssl.keymanager.algorithm STRING SunX509
        ssl.keystore.certificate.chain PASSWORD -
        ssl.keystore.key PASSWORD -
        ssl.keystore.password PASSWORD -
        ssl.principal.mapping.rules STRING DEFAULT
        ssl.protocol STRING TLSv1.3
        ssl.provider STRING -
        ssl.secure.random.implementation STRING -
        ssl.trustmanager.algorithm STRING PKIX
        ssl.truststore.certificates PASSWORD -
        ssl.truststore.password PASSWORD -
        """,
    ),
    *rows(
        NO_SASL,
        """
        connection.failed.authentication.delay.ms INT 100
        connections.max.reauth.ms LONG 0
        sasl.client.callback.handler.class CLASS -
        sasl.enabled.mechanisms LIST GSSAPI
        sasl.jaas.config PASSWORD -
        sasl.kerberos.kinit.cmd STRING /usr/bin/kinit
        sasl.kerberos.min.time.before.relogin LONG 60000
        sasl.kerberos.principal.to.local.rules LIST DEFAULT
        sasl.kerberos.service.name STRING -
        sasl.kerberos.ticket.renew.jitter DOUBLE 0.05
        sasl.kerberos.ticket.renew.window.factor DOUBLE 0.8
        sasl.login.callback.handler.class CLASS -
        sasl.login.class CLASS -
        sasl.login.connect.timeout.ms INT -
        sasl.login.read.timeout.ms INT -
        sasl.login.refresh.buffer.seconds SHORT 300
        sasl.login.refresh.min.period.seconds SHORT 60
        sasl.login.refresh.window.factor DOUBLE 0.8
        sasl.login.refresh.window.jitter DOUBLE 0.05
        sasl.login.retry.backoff.max.ms LONG 10000
        sasl.login.retry.backoff.ms LONG 100
        sasl.mechanism.controller.protocol STRING GSSAPI
        sasl.mechanism.inter.broker.protocol STRING GSSAPI
        sasl.oauthbearer.assertion.algorithm STRING RS256
        sasl.oauthbearer.assertion.claim.aud STRING -
        sasl.oauthbearer.assertion.claim.exp.seconds INT 300
        sasl.oauthbearer.assertion.claim.iss STRING -
        sasl.oauthbearer.assertion.claim.jti.include BOOLEAN false
        sasl.oauthbearer.assertion.claim.nbf.seconds INT 60
        sasl.oauthbearer.assertion.claim.sub STRING -
        sasl.oauthbearer.assertion.file STRING -
        sasl.oauthbearer.assertion.private.key.file STRING -
        sasl.oauthbearer.assertion.private.key.passphrase PASSWORD -
        sasl.oauthbearer.assertion.template.file STRING -
        sasl.oauthbearer.client.credentials.client.id STRING -
        sasl.oauthbearer.client.credentials.client.secret PASSWORD -
        sasl.oauthbearer.clock.skew.seconds INT 30
        sasl.oauthbearer.expected.audience LIST ''
        sasl.oauthbearer.expected.issuer STRING -
        sasl.oauthbearer.jwks.endpoint.refresh.ms LONG 3600000
        sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms LONG 10000
        sasl.oauthbearer.jwks.endpoint.retry.backoff.ms LONG 100
        sasl.oauthbearer.jwks.endpoint.url STRING -
        sasl.oauthbearer.jwt.retriever.class CLASS -
        sasl.oauthbearer.jwt.validator.class CLASS -
        sasl.oauthbearer.scope STRING -
        sasl.oauthbearer.scope.claim.name STRING scope
        sasl.oauthbearer.sub.claim.name STRING sub
        sasl.oauthbearer.token.endpoint.url STRING -
        sasl.server.callback.handler.class CLASS -
        sasl.server.max.receive.size INT 524288
        """,
    ),
    *rows(
        NO_TOKENS,
        """
        delegation.token.expiry.check.interval.ms LONG 3600000
        delegation.token.expiry.time.ms LONG 86400000
        delegation.token.max.lifetime.ms LONG 604800000
        delegation.token.secret.key PASSWORD -
        """,
    ),
    *rows(
        NO_REMOTE,
        """
        follower.fetch.last.tiered.offset.enable BOOLEAN false
        log.local.retention.bytes LONG -2
        log.local.retention.ms LONG -2
        remote.fetch.max.wait.ms INT 500
        remote.list.offsets.request.timeout.ms LONG 30000
        remote.log.index.file.cache.total.size.bytes LONG 1073741824
        remote.log.manager.copier.thread.pool.size INT 10
        remote.log.manager.copy.max.bytes.per.second LONG 9223372036854775807
        remote.log.manager.copy.quota.window.num INT 11
        remote.log.manager.copy.quota.window.size.seconds INT 1
        remote.log.manager.expiration.thread.pool.size INT 10
        remote.log.manager.fetch.max.bytes.per.second LONG 9223372036854775807
        remote.log.manager.fetch.quota.window.num INT 11
        remote.log.manager.fetch.quota.window.size.seconds INT 1
        remote.log.manager.follower.thread.pool.size INT 2
        remote.log.manager.task.interval.ms LONG 30000
        remote.log.manager.thread.pool.size INT 2
        remote.log.metadata.custom.metadata.max.bytes INT 128
        remote.log.metadata.manager.class.name STRING -
        remote.log.metadata.manager.class.path STRING -
        remote.log.metadata.manager.impl.prefix STRING rlmm.config.
        remote.log.metadata.manager.listener.name STRING -
        remote.log.reader.max.pending.tasks INT 100
        remote.log.reader.threads INT 10
        remote.log.storage.manager.class.name STRING -
        remote.log.storage.manager.class.path STRING -
        remote.log.storage.manager.impl.prefix STRING rsm.config.
        """,
    ),
    *rows(
        NO_SHARE_GROUPS,
        """
        group.share.assignment.interval.ms INT 1000
        group.share.assignors LIST simple
        group.share.delivery.count.limit INT 5
        group.share.heartbeat.interval.ms INT 5000
        group.share.max.assignment.interval.ms INT 15000
        group.share.max.delivery.count.limit INT 10
        group.share.max.heartbeat.interval.ms INT 15000
        group.share.max.partition.max.record.locks INT 4000
        group.share.max.record.lock.duration.ms INT 60000
        group.share.max.session.timeout.ms INT 60000
        group.share.max.share.sessions INT 2000
        group.share.max.size INT 200
        group.share.min.assignment.interval.ms INT 0
        group.share.min.delivery.count.limit INT 2
        group.share.min.heartbeat.interval.ms INT 5000
        group.share.min.partition.max.record.locks INT 100
        group.share.min.record.lock.duration.ms INT 15000
        group.share.min.session.timeout.ms INT 45000
        group.share.partition.max.record.locks INT 2000
        group.share.record.lock.duration.ms INT 30000
        group.share.session.timeout.ms INT 45000
        share.coordinator.append.linger.ms INT -1
        share.coordinator.cached.buffer.max.bytes INT 1048588
        share.coordinator.load.buffer.size INT 5242880
        share.coordinator.snapshot.update.records.per.snapshot INT 500
        share.coordinator.state.topic.compression.codec INT 0
        share.coordinator.state.topic.min.isr SHORT 2
        share.coordinator.state.topic.num.partitions INT 50
        share.coordinator.state.topic.replication.factor SHORT 3
        share.coordinator.state.topic.segment.bytes INT 104857600
        share.coordinator.threads INT 1
        share.coordinator.write.timeout.ms INT 5000
        """,
    ),
    *rows(
        NO_STREAMS_GROUPS,
        """
        group.streams.assignment.interval.ms INT 1000
        group.streams.heartbeat.interval.ms INT 5000
        group.streams.initial.rebalance.delay.ms INT 3000
        group.streams.max.assignment.interval.ms INT 15000
        group.streams.max.heartbeat.interval.ms INT 15000
        group.streams.max.session.timeout.ms INT 60000
        group.streams.max.size INT 2147483647
        group.streams.max.standby.replicas INT 2
        group.streams.min.assignment.interval.ms INT 0
        group.streams.min.heartbeat.interval.ms INT 5000
        group.streams.min.session.timeout.ms INT 45000
        group.streams.num.standby.replicas INT 0
        group.streams.session.timeout.ms INT 45000
        """,
    ),
    *rows(
        NO_TELEMETRY,
        """
        telemetry.max.bytes INT 1048576
        """,
    ),
    *rows(
        INTERNAL,
        """
        controller.performance.always.log.threshold.ms LONG 2000
        controller.performance.sample.period.ms LONG 60000
        group.consumer.regex.refresh.interval.ms INT 600000
        group.share.initialize.retry.interval.ms INT 30000
        group.share.persister.class.name STRING -
        internal.metadata.delete.delay.millis LONG 60000
        internal.metadata.log.segment.bytes INT -
        internal.metadata.max.batch.size.in.bytes INT 8388608
        log.initial.task.delay.ms LONG 30000
        remote.log.index.file.cache.ttl.ms LONG 900000
        remote.log.manager.task.retry.backoff.max.ms LONG 30000
        remote.log.manager.task.retry.backoff.ms LONG 500
        remote.log.manager.task.retry.jitter DOUBLE 0.2
        server.max.startup.time.ms LONG 9223372036854775807
        share.coordinator.cold.partition.snapshot.interval.ms INT 300000
        share.coordinator.state.topic.prune.interval.ms INT 300000
        unstable.api.versions.enable BOOLEAN false
        unstable.feature.versions.enable BOOLEAN false
        """,
    ),
    *rows(
        JAVA_CLASS,
        """
        alter.config.policy.class.name CLASS -
        authorizer.class.name STRING ''
        client.quota.callback.class CLASS -
        create.topic.policy.class.name CLASS -
        principal.builder.class CLASS -
        """,
    ),
    *rows(
        NO_PROVIDERS,
        """
        config.providers LIST ''
        """,
    ),
    *rows(
        NOT_YET,
        """
        cordoned.log.dirs LIST ''
        remote.log.storage.system.enable BOOLEAN false
        """,
    ),
)
