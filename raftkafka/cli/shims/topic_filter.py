"""Topics by pattern, as Kafka's tools match them. Source: Kafka class ``TopicFilter``."""

from __future__ import annotations

import re
from collections.abc import Callable

from raftkafka.client.errors import ClientError

INTERNAL_TOPICS = frozenset({"__consumer_offsets", "__transaction_state", "__share_group_state"})


def topic_filter(pattern: str | None, *, exclude_internal: bool = False) -> Callable[[str], bool]:
    """Return whether a name matches a pattern as a whole; commas part alternatives.

    Raises:
        ClientError: no regular expression.
    """
    text = ".*" if pattern is None else pattern.strip().replace(",", "|").replace(" ", "")
    try:
        expression = re.compile(text.strip("\"'"))
    except re.error as error:
        raise ClientError(f"{pattern} is an invalid regex: {error}") from error

    def matches(name: str) -> bool:
        internal = exclude_internal and name in INTERNAL_TOPICS
        return not internal and expression.fullmatch(name) is not None

    return matches
