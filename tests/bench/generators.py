"""The load generators in C: built when needed, run as processes of their own, bounded in time."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import confluent_kafka

HERE = Path(__file__).parent
FLAGS = ("-O2", "-std=gnu11", "-Wall", "-Wextra", "-Werror")
LIBRARIES = ("-ldl", "-lpthread")
SLACK_S = 60.0
"""What a run may take beyond the time it was told to: to connect, to drain, to flush."""

Result = Mapping[str, float]


class GeneratorFailed(Exception):
    """A generator could not be built, did not end well, or was refused what it asked for."""


class Generators:
    """Both load generators, ready to run."""

    def __init__(self, folder: Path) -> None:
        """Build them.

        Args:
            folder: for the executables and the batches.

        Raises:
            GeneratorFailed: there is no C compiler.
        """
        self.folder = folder
        self._wire = _build("wire_load", folder)
        self._rdkafka = _build("rdkafka_load", folder)
        self._librdkafka = find_librdkafka()

    def wire(self, *arguments: object, seconds: float) -> Result:
        """Run ``wire_load``; its head says what the arguments are."""
        return _run([str(self._wire), *map(str, arguments)], seconds)

    def rdkafka(self, *arguments: object, seconds: float) -> Result:
        """Run ``rdkafka_load``; likewise."""
        command = [str(self._rdkafka), str(self._librdkafka), *map(str, arguments)]
        return _run(command, seconds)

    def start_wire(self, *arguments: object) -> subprocess.Popen[str]:
        """Start ``wire_load`` beside something else; the caller ends it."""
        return subprocess.Popen(
            [str(self._wire), *map(str, arguments)], stdout=subprocess.PIPE, text=True
        )

    def batch_file(self, batch: bytes) -> Path:
        """Return a file that holds a batch."""
        path = self.folder / f"{hashlib.sha256(batch).hexdigest()[:16]}.batch"
        if not path.exists():
            path.write_bytes(batch)
        return path


def find_librdkafka() -> Path:
    """Return the library inside the confluent-kafka package.

    Raises:
        GeneratorFailed: it is linked in some other way here.
    """
    package = Path(confluent_kafka.__file__).parent
    for path in sorted((package.parent / "confluent_kafka.libs").glob("librdkafka*")):
        return path
    raise GeneratorFailed("the confluent-kafka package has no librdkafka of its own")


def _build(name: str, folder: Path) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise GeneratorFailed("a C compiler is missing; on Debian and Ubuntu: apt-get install gcc")
    target = folder / name
    command = [compiler, *FLAGS, "-o", str(target), str(HERE / f"{name}.c"), *LIBRARIES]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode:
        raise GeneratorFailed(built.stderr)
    return target


def _run(command: list[str], seconds: float) -> Result:
    with tempfile.TemporaryFile("w+") as said:
        try:
            ended = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                timeout=seconds + SLACK_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise GeneratorFailed(f"{Path(command[0]).name} does not end") from error
        said.seek(0)
        return parse_result(ended.returncode, ended.stdout, said.read())


def parse_result(exit_code: int, output: str, said: str) -> Result:
    """Return what a generator printed.

    Raises:
        GeneratorFailed: it failed, or requests of it did.
    """
    if exit_code:
        raise GeneratorFailed(said.strip()[-500:] or f"exit code {exit_code}")
    result: dict[str, float] = json.loads(output)
    if result.get("errors"):
        raise GeneratorFailed(f"{result['errors']:.0f} requests were refused")
    return result
