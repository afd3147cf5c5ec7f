"""A properties file is read as Java reads it, and every setting knows its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from raftkafka.config.properties import Setting, parse_properties, read_properties
from raftkafka.errors import ConfigInvalid


def test_settings_carry_file_and_line() -> None:
    content = b"# first\n\na=1\r\nb : 2\rc 3\n! last\nd\n"
    assert parse_properties(content, "f") == [
        Setting("a", "1", "f:3"),
        Setting("b", "2", "f:4"),
        Setting("c", "3", "f:5"),
        Setting("d", "", "f:7"),
    ]


def test_a_continued_line_counts_for_the_lines_that_it_has() -> None:
    content = b"log.dirs=/a,\\\n   /b,\\\n   /c\nnext=1\n"
    assert parse_properties(content, "f") == [
        Setting("log.dirs", "/a,/b,/c", "f:1"),
        Setting("next", "1", "f:4"),
    ]


def test_escapes_and_latin_1() -> None:
    content = b"a\\ b=caf\xe9\\u0041\\=\n"
    assert parse_properties(content, "f") == [Setting("a b", "caf\xe9A=", "f:1")]


def test_white_space_around_a_value_is_none_of_it() -> None:
    assert parse_properties(b"  a =  1 \t\n", "f") == [Setting("a", "1", "f:1")]


def test_a_bad_escape_names_its_line() -> None:
    with pytest.raises(ConfigInvalid, match=r"^f:2: Invalid \\u escape sequence: \\u12$"):
        parse_properties(b"a=1\nb=\\u12\n", "f")


@pytest.mark.parametrize(
    ("name", "why"), [("missing", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(ConfigInvalid, match=why):
        read_properties(tmp_path / name)
