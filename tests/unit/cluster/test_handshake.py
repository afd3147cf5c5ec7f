"""The proof of the secret: only who holds it can make it, once, and for its own part."""

from __future__ import annotations

import pytest

from metadata.cluster.handshake import (
    NONCE_BYTES,
    Agreement,
    HandshakeFailed,
    Part,
    check_hello,
    hello,
)
from metadata.cluster.secret import parse_secret, secret_text
from raftkafka.errors import ConfigInvalid

SECRET = b"0123456789abcdef"
ONE = hello(b"1" * NONCE_BYTES)
TWO = hello(b"2" * NONCE_BYTES)
THREE = hello(b"3" * NONCE_BYTES)
AGREED = Agreement(SECRET, ONE, TWO)


def test_both_ends_agree_and_prove_it() -> None:
    other_end = Agreement(SECRET, ONE, TWO)
    for part in Part:
        AGREED.check_proof(part, other_end.proof(part))
        assert AGREED.key(part) == other_end.key(part)


def test_the_two_directions_have_keys_of_their_own() -> None:
    made = {AGREED.key(part) for part in Part} | {AGREED.proof(part) for part in Part}
    assert len(made) == 4


@pytest.mark.parametrize(
    ("other", "part"),
    [
        (Agreement(b"another secret of 24 byt", ONE, TWO), Part.DIALLER),
        (Agreement(SECRET, ONE, THREE), Part.DIALLER),  # replayed to a listener
        (Agreement(SECRET, THREE, TWO), Part.DIALLER),  # replayed to a dialler
        (Agreement(SECRET, TWO, ONE), Part.DIALLER),
        (AGREED, Part.LISTENER),  # sent back to who made it
    ],
)
def test_a_proof_holds_for_one_secret_connection_and_part(other: Agreement, part: Part) -> None:
    with pytest.raises(HandshakeFailed, match=r"cluster\.secret\.file"):
        AGREED.check_proof(Part.DIALLER, other.proof(part))
    assert other.key(part) != AGREED.key(Part.DIALLER), "nor does the key of its frames"


def test_a_hello_is_of_this_protocol_and_version() -> None:
    check_hello(ONE)
    with pytest.raises(HandshakeFailed, match="does not speak"):
        check_hello(b"\x16\x03\x01" + ONE[3:])
    with pytest.raises(HandshakeFailed, match="version 2 of the cluster's protocol"):
        check_hello(ONE[:5] + b"\x02" + ONE[6:])


def test_a_secret_is_a_line_and_long_enough() -> None:
    text = secret_text(bytes(range(32)))
    assert parse_secret(text.encode(), "/s") == text.strip().encode()
    for content in (b"", b"short\n", b"x" * 5000):
        with pytest.raises(ConfigInvalid, match="make one with 'raftkafka secret FILE'"):
            parse_secret(content, "/s")
