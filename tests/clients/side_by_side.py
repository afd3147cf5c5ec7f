"""Our kafka-* commands and Kafka's own, with the same words on the same brokers."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.clients.registry import JAVA
from tests.support.broker import Server
from tests.support.commands import Done, run

TOOLS = "org.apache.kafka.tools"
CLASSES = {
    "kafka-broker-api-versions": f"{TOOLS}.BrokerApiVersionsCommand",
    "kafka-cluster": f"{TOOLS}.ClusterTool",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": f"{TOOLS}.consumer.ConsoleConsumer",
    "kafka-console-producer": f"{TOOLS}.ConsoleProducer",
    "kafka-delete-records": f"{TOOLS}.DeleteRecordsCommand",
    "kafka-dump-log": f"{TOOLS}.DumpLogSegments",
    "kafka-get-offsets": f"{TOOLS}.GetOffsetShell",
    "kafka-leader-election": f"{TOOLS}.LeaderElectionCommand",
    "kafka-log-dirs": f"{TOOLS}.LogDirsCommand",
    "kafka-metadata-quorum": f"{TOOLS}.MetadataQuorumCommand",
    "kafka-reassign-partitions": f"{TOOLS}.reassign.ReassignPartitionsCommand",
    "kafka-storage": "kafka.tools.StorageTool",
    "kafka-topics": f"{TOOLS}.TopicCommand",
}
SERVER = "SERVER"
"""Stands for ``--bootstrap-server`` and the broker's address."""


def both(tool: str, words: Sequence[str], server: Server, cwd: Path) -> tuple[Done, Done]:
    """Run our command and Kafka's tool with the same words."""
    return ours(tool, words, server, cwd), theirs(tool, words, server, cwd)


def ours(tool: str, words: Sequence[str], server: Server, cwd: Path) -> Done:
    """Run our command."""
    return run(tool, *_whole(words, server), cwd=cwd)


def theirs(tool: str, words: Sequence[str], server: Server, cwd: Path) -> Done:
    """Run Kafka's tool."""
    done = subprocess.run(
        [*JAVA, CLASSES[tool], *_whole(words, server)],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
        cwd=cwd,
    )
    shown = done.stdout.decode(errors="surrogateescape")
    return Done(done.returncode, shown, done.stderr.decode())


def _whole(words: Sequence[str], server: Server) -> list[str]:
    at = ["--bootstrap-server", server.bootstrap]
    return [each for word in words for each in (at if word == SERVER else [word])]
