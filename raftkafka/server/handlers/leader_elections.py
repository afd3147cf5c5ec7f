"""ElectLeaders: decided by the controller.

Source: ``KafkaApis.handleElectLeaders``, ``ElectLeadersRequest.getErrorResponse``.
"""

from __future__ import annotations

from raftkafka.errors import KafkaError
from raftkafka.protocol.messages.replicas import (
    ElectLeadersPartitionResult,
    ElectLeadersRequest,
    ElectLeadersResponse,
    ElectLeadersTopicResult,
)
from raftkafka.server.context import RequestContext
from raftkafka.server.handlers.topics import deadline_s

ERROR_CODE_SINCE_VERSION = 1


async def handle_elect_leaders(
    context: RequestContext, request: ElectLeadersRequest
) -> ElectLeadersResponse:
    """Elect preferred leaders, or any live ones; answered once they are committed."""
    try:
        response = await context.broker.controller.submit(
            request, deadline_s=deadline_s(request.timeout_ms)
        )
    except KafkaError as error:
        return _nobody_elected(context, request, error)
    assert isinstance(response, ElectLeadersResponse)
    return response


def _nobody_elected(
    context: RequestContext, request: ElectLeadersRequest, error: KafkaError
) -> ElectLeadersResponse:
    response = ElectLeadersResponse(
        replica_election_results=[
            ElectLeadersTopicResult(
                topic=topic.topic,
                partition_result=[
                    ElectLeadersPartitionResult(
                        partition_id=number, error_code=error.code, error_message=error.message
                    )
                    for number in topic.partitions
                ],
            )
            for topic in request.topic_partitions or ()
        ]
    )
    if context.api_version >= ERROR_CODE_SINCE_VERSION:
        response.error_code = error.code
    return response
