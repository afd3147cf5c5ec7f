"""AlterPartitionReassignments, ListPartitionReassignments: decided by the controller.

The list comes from the controller too, so that who asked for a move finds it in the list, whatever
broker is asked.

Source: ``ControllerApis.handleAlterPartitionReassignments``, ``handleListPartitionReassignments``.
"""

from __future__ import annotations

from raftkafka.errors import KafkaError
from raftkafka.protocol.messages.replicas import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    ReassignablePartitionResponse,
    ReassignableTopicResponse,
)
from raftkafka.server.context import RequestContext
from raftkafka.server.handlers.topics import deadline_s


async def handle_alter_partition_reassignments(
    context: RequestContext, request: AlterPartitionReassignmentsRequest
) -> AlterPartitionReassignmentsResponse:
    """Start or stop moving partitions; answered once that is committed, not when they moved."""
    try:
        response = await context.broker.controller.submit(
            request, deadline_s=deadline_s(request.timeout_ms)
        )
    except KafkaError as error:
        return _nothing_altered(request, error)
    assert isinstance(response, AlterPartitionReassignmentsResponse)
    return response


def _nothing_altered(
    request: AlterPartitionReassignmentsRequest, error: KafkaError
) -> AlterPartitionReassignmentsResponse:
    return AlterPartitionReassignmentsResponse(
        error_code=error.code,
        error_message=error.message,
        responses=[
            ReassignableTopicResponse(
                name=topic.name,
                partitions=[
                    ReassignablePartitionResponse(
                        partition_index=partition.partition_index,
                        error_code=error.code,
                        error_message=error.message,
                    )
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ],
    )


async def handle_list_partition_reassignments(
    context: RequestContext, request: ListPartitionReassignmentsRequest
) -> ListPartitionReassignmentsResponse:
    """Tell which partitions are being moved."""
    try:
        response = await context.broker.controller.submit(
            request, deadline_s=deadline_s(request.timeout_ms)
        )
    except KafkaError as error:
        return ListPartitionReassignmentsResponse(
            error_code=error.code, error_message=error.message
        )
    assert isinstance(response, ListPartitionReassignmentsResponse)
    return response
