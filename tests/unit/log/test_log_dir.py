"""Names of folders in a log directory."""

from __future__ import annotations

import pytest

from raftkafka.log.log_dir import (
    deleted_folder_stem,
    is_deleted_folder,
    parse_folder_name,
)
from raftkafka.types import TopicPartition


@pytest.mark.parametrize(
    ("name", "partition"),
    [
        ("events-0", TopicPartition("events", 0)),
        ("a.b-c-12", TopicPartition("a.b-c", 12)),
        ("events-00", None),
        ("events-x", None),
        ("events-²", None),
        ("events", None),
        ("-1", None),
        ("__cluster_metadata-0", None),
    ],
)
def test_partition_folders_are_known_by_their_names(
    name: str, partition: TopicPartition | None
) -> None:
    assert parse_folder_name(name) == partition


@pytest.mark.parametrize("topic", ["t", "a.b-delete", "x" * 249])
def test_a_deleted_folder_has_a_name_that_fits(topic: str) -> None:
    name = f"{deleted_folder_stem(TopicPartition(topic, 12345))}.{'0a' * 16}-delete"
    assert len(name) <= 255
    assert is_deleted_folder(name)
    assert parse_folder_name(name) is None


@pytest.mark.parametrize("name", ["please-delete", "events-0-delete", "events-0.x-delete"])
def test_other_folders_are_not_deleted(name: str) -> None:
    assert not is_deleted_folder(name)
