"""DeleteTopics.

Source: Kafka's ``ControllerApis.deleteTopics``; KIP-516 (by id).
"""

from __future__ import annotations

from collections import Counter

from metadata.controller.decision import Decision, Situation
from metadata.image import MetadataImage, TopicImage
from metadata.records import Record, RemoveTopicRecord
from raftkafka.errors import ErrorCode, KafkaError
from raftkafka.protocol.messages.topics import (
    DeletableTopicResult,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
)
from raftkafka.types import ZERO_ID, TopicId

UNKNOWN_TOPIC_TEXT = "This server does not host this topic-partition."
UNKNOWN_TOPIC_ID_TEXT = "This server does not host this topic ID."

_Wanted = tuple[str | None, TopicId]
"""A topic to delete, by name or by id; the other is None or zero."""


def delete_topics(
    situation: Situation, request: DeleteTopicsRequest
) -> Decision[DeleteTopicsResponse]:
    """Delete topics by name or by id; each one stands alone, and goes with all that it has."""
    wanted: list[_Wanted] = [(name, ZERO_ID) for name in request.topic_names]
    wanted += [(topic.name, topic.topic_id) for topic in request.topics]
    times = Counter(wanted)
    records: list[Record] = []
    results: list[DeletableTopicResult] = []
    for one in times:
        try:
            topic = _topic_to_delete(situation.image, one, times)
        except KafkaError as error:
            name, topic_id = one
            results.append(
                DeletableTopicResult(
                    name=name,
                    topic_id=topic_id,
                    error_code=error.code,
                    error_message=error.message,
                )
            )
        else:
            records.append(RemoveTopicRecord(topic.topic_id))
            results.append(DeletableTopicResult(name=topic.name, topic_id=topic.topic_id))
    return Decision(records, DeleteTopicsResponse(responses=results))


def _topic_to_delete(image: MetadataImage, one: _Wanted, times: Counter[_Wanted]) -> TopicImage:
    name, topic_id = one
    if name is None and topic_id == ZERO_ID:
        raise _bad_request("Neither topic name nor id were specified.")
    if name is not None and topic_id != ZERO_ID:
        raise _bad_request("You may not specify both topic name and topic id.")
    if times[one] > 1:
        raise _bad_request(f"Duplicate topic {'id' if name is None else 'name'}.")
    if name is None:
        topic = image.topics_by_id.get(topic_id)
        if topic is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_ID_TEXT)
        same_topic: _Wanted = (topic.name, ZERO_ID)
    else:
        topic = image.topics.get(name)
        if topic is None:
            raise KafkaError(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_TEXT)
        same_topic = (None, topic.topic_id)
    if same_topic in times:
        raise _bad_request("The provided topic name maps to an ID that was already supplied.")
    return topic


def _bad_request(text: str) -> KafkaError:
    return KafkaError(ErrorCode.INVALID_REQUEST, text)
