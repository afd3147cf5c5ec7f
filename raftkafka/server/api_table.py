"""Every API that is advertised: its versions and its handler. An API is added here."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from raftkafka.protocol.apis import ApiKey
from raftkafka.protocol.schema import Response
from raftkafka.server.context import RequestContext
