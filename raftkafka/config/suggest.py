"""Did you mean …?"""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` with the name that is closest, or nothing."""
    from difflib import get_close_matches  # only a typing error needs it

    close = get_close_matches(name.lower(), list(names), n=1, cutoff=0.75)
    return f"; did you mean {close[0]}?" if close else ""
