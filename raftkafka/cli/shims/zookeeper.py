"""zookeeper-server-start, zookeeper-server-stop, zkServer: none is needed, and they say so."""

from __future__ import annotations

import sys

NOT_NEEDED = "raftkafka needs no ZooKeeper: start the broker, and go on."
ZKSERVER_COMMANDS = ("start", "start-foreground", "stop", "restart", "status")


def main() -> int:
    """Say that no ZooKeeper is needed."""
    print(NOT_NEEDED)
    return 0


def zkserver() -> int:
    """Say that no ZooKeeper is needed; fail on what zkServer.sh does not know either."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command not in ZKSERVER_COMMANDS:
        print(f"usage: zkServer.sh {{{'|'.join(ZKSERVER_COMMANDS)}}}", file=sys.stderr)
        return 1
    return main()
