"""kafka-dump-log: what is in the files of a partition. Source: Kafka's ``DumpLogSegments``."""

from __future__ import annotations

from collections.abc import Sequence

from raftkafka.cli.log_dump import DumpOptions, Problems, dump
from raftkafka.cli.report import say
from raftkafka.cli.shims.options import OptionParser, Options, run_tool
from raftkafka.client.errors import ClientError

DECODERS = {
    "offsets-decoder": "this broker has no consumer groups yet",
    "transaction-log-decoder": "this broker has no transactions yet",
    "cluster-metadata-decoder": "raftkafka's metadata journal is not in Kafka's format",
    "remote-log-metadata-decoder": "this broker has no tiered storage",
    "share-group-state-decoder": "this broker has no share groups",
}
"""What they would show, and why there is none."""


def main() -> int:
    """Run kafka-dump-log."""
    return run_tool(_run)


def _run(arguments: Sequence[str]) -> int:
    options = _parser().read(arguments)
    files = [name.strip() for name in options.must("files", str).split(",") if name.strip()]
    for name, why in DECODERS.items():
        if name in options:
            raise ClientError(f"--{name}: {why}")
    problems = Problems()
    wanted = _wanted(options)
    for path in files:
        for line in dump(path, wanted, problems):
            print(line)
    for line in problems.lines:
        say(line)
    return 0


def _parser() -> OptionParser:
    parser = OptionParser("kafka-dump-log", "Show what is in log segments and their indexes.")
    parser.value("files", "Files, comma separated: .log, .index, .timeindex, .snapshot, .txnindex.")
    parser.flag("print-data-log", "Show keys and values.")
    parser.flag("deep-iteration", "Show each record; --print-data-log does too.")
    parser.flag("skip-record-metadata", "Leave offsets, sizes and the like of records out.")
    parser.flag("verify-index-only", "Compare indexes with the log without showing them.")
    parser.flag("index-sanity-check", "Check what the broker checks at its start, no more.")
    parser.value("max-bytes", "Look no further into a .log file.", int)
    parser.value("max-message-size", None, int)
    for name in ("key-decoder-class", "value-decoder-class"):
        parser.value(name, None, without_value="StringDecoder")
    for name in DECODERS:
        parser.flag(name, None)
    return parser


def _wanted(options: Options) -> DumpOptions:
    for name in ("key-decoder-class", "value-decoder-class"):
        decoder = options.get(name, str)
        if decoder is not None and not decoder.endswith("StringDecoder"):
            raise ClientError(f"--{name} {decoder}: Java classes cannot run here")
    contents = any(
        name in options for name in ("print-data-log", "key-decoder-class", "value-decoder-class")
    )
    return DumpOptions(
        records=contents or "deep-iteration" in options,
        contents=contents,
        skip_record_metadata="skip-record-metadata" in options,
        verify_index_only="verify-index-only" in options,
        index_sanity_check="index-sanity-check" in options,
        max_bytes=options.get("max-bytes", int),
    )
