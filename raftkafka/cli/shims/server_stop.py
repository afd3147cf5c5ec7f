"""kafka-server-stop: ask this user's brokers on this host to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence

from raftkafka.cli import run_file
from raftkafka.cli.report import FAILED, say
from raftkafka.cli.shims.options import OptionParser, run_tool
from raftkafka.client.errors import ClientError

STOPPED_S = 30.0
POLL_S = 0.02


def main() -> int:
    """Run kafka-server-stop."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    purpose = "Stop this user's brokers on this host."
    parser = OptionParser("kafka-server-stop", purpose, needs_options=False)
    parser.value("node-id", "Only the broker of this id.", int)
    parser.value("process-role", "Accepted; every broker has both roles.")
    options = parser.read(arguments)
    node_id = options.get("node-id", int)
    brokers = [each for each in run_file.running() if node_id is None or each.node_id == node_id]
    if not brokers:
        print("No kafka server to stop")
        return FAILED
    wanted = _signal(os.environ.get("SIGNAL", "TERM"))
    for broker in brokers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(broker.pid, wanted)
    _wait({broker.pid for broker in brokers})
    return 0


def _signal(name: str) -> signal.Signals:
    full = name.upper() if name.upper().startswith("SIG") else f"SIG{name.upper()}"
    if full not in signal.Signals.__members__:
        raise ClientError(f"SIGNAL={name}: there is no such signal")
    return signal.Signals[full]


def _wait(pids: set[int]) -> None:
    """Wait until the brokers are gone, so that what follows finds their ports free."""
    deadline = time.monotonic() + STOPPED_S
    while time.monotonic() < deadline:
        left = {broker.pid for broker in run_file.running() if broker.pid in pids}
        if not left:
            return
        time.sleep(POLL_S)
    say(f"still stopping after {STOPPED_S:g} s: {', '.join(str(pid) for pid in sorted(pids))}")
