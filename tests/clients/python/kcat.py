"""kcat, driven by commands: one run of it per record, for each has a key and headers of its own."""

from __future__ import annotations

import json
import re
import subprocess

from command import Command, emit, run, value_of


def kcat(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["kcat", *arguments], input=given, capture_output=True, check=False)


def version(_: Command) -> None:
    found = re.search(r"Version (\S+)", kcat("-V").stdout.decode())
    emit(version=found[1] if found else "unknown")


def produce(command: Command) -> None:
    settings = ["-P", "-b", command["bootstrap"], "-t", command["topic"]]
    if "compression" in command:
        settings += ["-z", command["compression"]]
    if "acks" in command:
        settings += ["-X", f"acks={command['acks']}"]
    if "idempotent" in command:
        settings += ["-X", f"enable.idempotence={str(command['idempotent']).lower()}"]
    failed = 0
    for i, record in enumerate(command["records"]):
        each = list(settings)
        if "key" in record:
            each += ["-k", record["key"]]
        if "partition" in record:
            each += ["-p", str(record["partition"])]
        for name, value in record.get("headers", []):
            each += ["-H", f"{name}={value}"]
        done = kcat(*each, given=value_of(record))
        if b"failed" in done.stderr or done.returncode:
            failed += 1
            reason = re.search(r"Broker: ([^\n]+)", done.stderr.decode())
            emit(i=i, error=reason[1] if reason else done.stderr.decode())
        else:
            emit(i=i, partition=None, offset=None)
    emit(unsent=failed)


def consume(command: Command) -> None:
    for partition in command["partitions"]:
        place = ["-t", command["topic"], "-p", str(partition), "-o", "beginning"]
        done = kcat("-C", "-b", command["bootstrap"], *place, "-e", "-q", "-J")
        for line in done.stdout.splitlines():
            record = json.loads(line)
            flat = record.get("headers", [])
            emit(
                partition=record["partition"],
                offset=record["offset"],
                key=record["key"],
                value=record["payload"],
                headers=[[name, value] for name, value in zip(flat[::2], flat[1::2], strict=True)],
                timestamp=record["ts"],
            )


if __name__ == "__main__":
    run({"version": version, "produce": produce, "consume": consume})
