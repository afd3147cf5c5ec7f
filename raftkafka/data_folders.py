"""Whose the log directories are: ``meta.properties`` checked at start, written once it is known.

No format step: the cluster names itself in its first committed record, and what names the folders
follows that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raftkafka.disk import Disk
from raftkafka.errors import DamagedDisk, ForeignDataFolder
from raftkafka.log.checkpoints import (
    DamagedCheckpoint,
    MetaProperties,
    decode_meta_properties,
    encode_meta_properties,
)
from raftkafka.types import Randomness

META_PROPERTIES = "meta.properties"
DIRECTORY_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Ownership:
    """What the folders say of themselves."""

    cluster_id: str | None
    """None if no folder names one yet."""
    directory_ids: Mapping[str, bytes]
    """By folder; drawn anew for one that has none."""
    unnamed: tuple[str, ...]
    """Folders without ``meta.properties``."""


def read_ownership(
    disk: Disk, folders: Sequence[str], node_id: int, random: Randomness
) -> Ownership:
    """Read ``meta.properties`` of all folders that have it.

    Raises:
        ForeignDataFolder: a folder is another node's, or two are of different clusters.
        DamagedDisk: one cannot be read.
    """
    cluster_ids: dict[str, str] = {}
    directory_ids: dict[str, bytes] = {}
    unnamed: list[str] = []
    for folder in folders:
        meta = _read(disk, folder)
        if meta is None:
            unnamed.append(folder)
        elif meta.node_id != node_id:
            raise ForeignDataFolder(
                f"{folder} holds the data of node {meta.node_id}, and this is node {node_id}: "
                f"set node.id={meta.node_id}, or name another folder in log.dirs"
            )
        elif meta.cluster_id is not None:
            cluster_ids[meta.cluster_id] = folder
        found = meta.directory_id if meta is not None else None
        directory_ids[folder] = found or random.randbytes(DIRECTORY_ID_BYTES)
    if len(cluster_ids) > 1:
        listed = ", ".join(f"{folder} of {cluster}" for cluster, folder in cluster_ids.items())
        raise ForeignDataFolder(
            f"log.dirs mixes clusters: {listed}; name only folders of one cluster"
        )
    return Ownership(next(iter(cluster_ids), None), directory_ids, tuple(unnamed))


def check_cluster(ownership: Ownership, cluster_id: str | None) -> None:
    """Compare what the folders say with what the quorum committed, if it has named the cluster.

    Raises:
        ForeignDataFolder: they are of another cluster.
    """
    if None not in (cluster_id, ownership.cluster_id) and cluster_id != ownership.cluster_id:
        raise ForeignDataFolder(
            f"log.dirs holds data of cluster {ownership.cluster_id}, and the metadata is of "
            f"cluster {cluster_id}: let log.dirs and metadata.log.dir name folders of one cluster"
        )


def write_ownership(disk: Disk, ownership: Ownership, node_id: int, cluster_id: str) -> None:
    """Write ``meta.properties`` where it is missing or does not name the cluster; blocking."""
    for folder, directory_id in ownership.directory_ids.items():
        wanted = MetaProperties(node_id, cluster_id, directory_id)
        if _read(disk, folder) != wanted:
            disk.replace(f"{folder}/{META_PROPERTIES}", encode_meta_properties(wanted))


def _read(disk: Disk, folder: str) -> MetaProperties | None:
    path = f"{folder}/{META_PROPERTIES}"
    if not disk.exists(path):
        return None
    try:
        return decode_meta_properties(disk.read(path))
    except DamagedCheckpoint as error:
        raise DamagedDisk(
            f"{path} cannot be read: {error}; delete it, and it is made again from the metadata"
        ) from error
