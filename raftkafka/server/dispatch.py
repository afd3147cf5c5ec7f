"""From a request's first bytes to its handler, and from the handler's answer to a frame."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog
import trio

from raftkafka.errors import ErrorCode, FatalError, KafkaError, Malformed
from raftkafka.protocol.apis import ApiKey, request_class
from raftkafka.protocol.codec import decode
from raftkafka.protocol.frames import RequestHeader, parse_request_header
from raftkafka.protocol.schema import Response
from raftkafka.server.answers import Encoded, answer_frame
from raftkafka.server.api_table import APIS, Api, Handler
from raftkafka.server.connection import Connection, Slot
from raftkafka.server.context import BrokerView, RequestContext
from raftkafka.server.handlers.api_versions import unsupported_version
from raftkafka.server.handlers.fetch import FetchHandler
from raftkafka.server.handlers.produce import ProduceHandler

FIRST_PRODUCE_VERSION = 3
"""0 to 2 are advertised and refused, as Kafka does: old librdkafka compresses only if it sees 0."""

PLAIN_REQUEST_BYTES_MAX = 4 * 1024 * 1024
"""Of a request without records: millions of tiny elements would stop the loop for seconds."""

log = structlog.get_logger()


class Dispatcher:
    """Knows the handler of every API. One per broker."""

    def __init__(
        self,
        broker: BrokerView,
        produce: ProduceHandler,
        fetch: FetchHandler,
        nursery: trio.Nursery,
        run_turn: Callable[[], None],
        *,
        queued_max_requests: int,
    ) -> None:
        self._broker = broker
        self._produce = produce
        self._fetch = fetch
        self._nursery = nursery
        self._queue = trio.Semaphore(queued_max_requests)
        self._apis: Mapping[int, Api] = {api.key: api for api in APIS}
        self._run_turn = run_turn

    def handle(self, connection: Connection, frame: memoryview) -> None:
        """Handle one request (``FrameHandler``).

        Raises:
            Malformed: the header or the body cannot be read.
        """
        if self._produce.handle_as_before(connection, frame):
            return
        header = parse_request_header(frame)
        if len(frame) > PLAIN_REQUEST_BYTES_MAX and header.api_key != ApiKey.PRODUCE:
            raise Malformed(f"a request of {len(frame)} bytes without records")
        connection.client_id = header.client_id
        api = self._apis.get(header.api_key)
        if header.api_key == ApiKey.PRODUCE and header.api_version < FIRST_PRODUCE_VERSION:
            api = None
        if api is None or not api.min_version <= header.api_version <= api.max_version:
            self._refuse(connection, header)
        elif header.api_key == ApiKey.PRODUCE:
            self._produce.handle(connection, header, frame)
        elif header.api_key == ApiKey.FETCH:
            self._fetch.handle(connection, header, frame)
        else:
            assert api.handler is not None
            self._call(api.handler, connection, header, frame)

    def _refuse(self, connection: Connection, header: RequestHeader) -> None:
        if header.api_key == ApiKey.API_VERSIONS:
            connection.answer(answer_frame(connection, header, unsupported_version(), version=0))
            return
        log.info(
            "request_unsupported",
            peer=connection.peer,
            api_key=header.api_key,
            api_version=header.api_version,
            client_id=header.client_id,
        )
        connection.close()

    def _call(
        self, handler: Handler, connection: Connection, header: RequestHeader, frame: memoryview
    ) -> None:
        request, _ = decode(
            request_class(header.api_key), header.api_version, frame, header.body_position
        )
        context = RequestContext(self._broker, connection, header.api_version, header.client_id)
        try:
            answer = handler(context, request)
        except Exception as error:
            self._failed(connection, header, error)
            return
        if isinstance(answer, Response | Encoded):
            connection.answer(answer_frame(connection, header, answer))
        else:
            slot = Slot()
            connection.reserve(slot)
            connection.muted = True
            self._nursery.start_soon(self._wait, connection, header, slot, answer)

    async def _wait(
        self,
        connection: Connection,
        header: RequestHeader,
        slot: Slot,
        answer: Coroutine[Any, Any, Response | Encoded],
    ) -> None:
        try:
            async with self._queue:
                response = await answer
        except Exception as error:
            self._failed(connection, header, error)
            return
        finally:
            answer.close()  # in case the broker stops before its turn came
        connection.muted = False
        connection.fill(slot, answer_frame(connection, header, response))
        connection.transport.again(connection)
        self._run_turn()

    def _failed(self, connection: Connection, header: RequestHeader, error: Exception) -> None:
        """A handler did not answer: its connection ends, for others are not concerned.

        These handlers read the metadata, and change it through the controller alone, so that one
        that breaks off leaves nothing half done. Produce and Fetch do, and are not guarded.

        Raises:
            AssertionError: our bug, which ends the process.
            FatalError: this broker cannot go on.
        """
        if isinstance(error, AssertionError | FatalError):
            raise error
        request = {
            "peer": connection.peer,
            "api_key": header.api_key,
            "api_version": header.api_version,
            "client_id": header.client_id,
        }
        if isinstance(error, KafkaError):
            # there was no room for it in the answer
            name = ErrorCode(error.code).name
            log.warning("request_failed", **request, error=name, reason=error.message)
        else:
            log.error("request_broke", **request, reason=repr(error), exc_info=error)
        connection.abort()
