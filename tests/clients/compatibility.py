"""Writes docs/compatibility.md: which client used which versions of which API in the last run.

Run as a program by ``ops/compatibility``, after the client tests left their recordings.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

from raftkafka.protocol.apis import ApiKey
from tests.clients.registry import CLIENTS, run
from tests.support.broker import ROOT

RECORDINGS = ROOT / "build" / "compatibility"
PAGE = ROOT / "docs" / "compatibility.md"
INTRODUCTION = """\
# Compatibility

<!-- Written by ops/compatibility from what the clients sent in the tests; do not edit. -->

Every client below runs in the tests as its authors published it, at its defaults, against a real
broker: it produces with every codec it has, with acks 0, 1 and all, asynchronously and
synchronously, idempotently, with its own and a custom partitioner; it reads back by assignment,
creates, alters, grows and deletes topics, rides out a broker that is killed under it, and reports
a record that is too large. The numbers are the API versions that it used.

Consumer groups, transactions, security and quotas are not there yet, so clients that can only read
in a group (kafkajs) only produce and administer.
"""


def name_of(key: int) -> str:
    """Return an API's name as Kafka's documents write it."""
    return "".join(part.capitalize() for part in ApiKey(key).name.split("_"))


def span(versions: set[int]) -> str:
    """Return versions as text: ``3``, ``0, 4`` or ``4-6``."""
    runs: list[list[int]] = []
    for version in sorted(versions):
        if runs and version == runs[-1][-1] + 1:
            runs[-1].append(version)
        else:
            runs.append([version])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)


def recorded() -> dict[str, dict[int, set[int]]]:
    """Return versions by client and API key, of all test workers together."""
    seen: dict[str, dict[int, set[int]]] = defaultdict(lambda: defaultdict(set))
    for file in sorted(RECORDINGS.glob("*.json")):
        for client, pairs in json.loads(file.read_text()).items():
            for key, version in pairs:
                seen[client][key].add(version)
    return seen


def page(seen: dict[str, dict[int, set[int]]], versions: dict[str, str]) -> str:
    """Return the page."""
    names = [client.name for client in CLIENTS if client.name in seen]
    keys = sorted({key for used in seen.values() for key in used})
    lines = [INTRODUCTION, "| Client | Version |", "|---|---|"]
    lines += [f"| {name} | {versions[name]} |" for name in names]
    lines += ["", f"| API | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for key in keys:
        cells = [span(seen[name].get(key, set())) or "·" for name in names]
        lines.append(f"| {key} {name_of(key)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(target: Path = PAGE) -> int:
    seen = recorded()
    missing = [client.name for client in CLIENTS if client.name not in seen]
    if missing:
        print(f"no recording of {', '.join(missing)}: run ops/test --all first", file=sys.stderr)
        return 1
    versions = {c.name: str(run(c, {"do": "version"})[0]["version"]) for c in CLIENTS}
    target.write_text(page(seen, versions))
    return 0


if __name__ == "__main__":
    sys.exit(main())
