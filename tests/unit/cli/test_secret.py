"""``raftkafka secret``: printed or written for its owner alone, and never over another."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from metadata.cluster.secret import SECRET_BYTES, parse_secret
from raftkafka.cli.main import run


def test_it_is_printed_and_is_another_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    printed: set[str] = set()
    for _ in range(3):
        assert run(["secret"]) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert out.endswith("\n")
        secret = parse_secret(out.encode(), "printed")
        assert len(secret) >= SECRET_BYTES
        assert out == secret.decode() + "\n", "one line, and nothing else to cut away"
        printed.add(out)
    assert len(printed) == 3


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_file_is_its_owners_alone_whatever_the_mask(
    mask: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "cluster.secret"
    before = os.umask(mask)
    try:
        assert run(["secret", str(file)]) == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = parse_secret(file.read_bytes(), str(file))
    out = capsys.readouterr().out
    assert out == f"next: copy {file} to all nodes, and set cluster.secret.file={file}\n"
    assert secret.decode() not in out


def test_what_is_there_is_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there, empty, link = (tmp_path / name for name in ("there", "empty", "link"))
    there.write_text("the secret of a running cluster\n")
    empty.touch()
    link.symlink_to(tmp_path / "nowhere")
    for file in (there, empty, link):
        assert run(["secret", str(file)]) == 1
        err = capsys.readouterr().err
        assert err.startswith(f"error: {file} is there already; nodes that have the old one")
        assert err.count("\n") == 1
    assert there.read_text() == "the secret of a running cluster\n"
    assert empty.read_bytes() == b""
    assert not (tmp_path / "nowhere").exists()


def test_a_file_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "missing" / "cluster.secret"
    assert run(["secret", str(file)]) == 1
    why = "cannot be written: No such file or directory"
    assert capsys.readouterr().err == f"error: {file} {why}\n"
    assert run(["secret", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
