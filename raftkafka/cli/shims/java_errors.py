"""Names of Kafka's Java exceptions, where its tools print them. Source: Kafka class ``Errors``."""

from __future__ import annotations

from raftkafka.errors import ErrorCode

PACKAGE = "org.apache.kafka.common.errors"

IRREGULAR = {
    ErrorCode.CORRUPT_MESSAGE: "CorruptRecordException",
    ErrorCode.INVALID_CONFIG: "InvalidConfigurationException",
    ErrorCode.INVALID_TOPIC_EXCEPTION: "InvalidTopicException",
    ErrorCode.KAFKA_STORAGE_ERROR: "KafkaStorageException",
    ErrorCode.MESSAGE_TOO_LARGE: "RecordTooLargeException",
    ErrorCode.REQUEST_TIMED_OUT: "TimeoutException",
    ErrorCode.TOPIC_ALREADY_EXISTS: "TopicExistsException",
    ErrorCode.UNKNOWN_SERVER_ERROR: "UnknownServerException",
}


def java_class(code: ErrorCode) -> str:
    """Return the full name of the exception that stands for an error."""
    regular = "".join(word.capitalize() for word in code.name.split("_")) + "Exception"
    return f"{PACKAGE}.{IRREGULAR.get(code, regular)}"
