"""What may be set on a topic and on running brokers; refusals carry Kafka's codes and words.

Source: Kafka's ``ControllerConfigurationValidator``, ``LogConfig``, ``DynamicBrokerConfig``.
"""

from __future__ import annotations

from collections.abc import Mapping

from raftkafka.config.broker_keys import BROKER_KEYS, BrokerConfig
from raftkafka.config.keys import InvalidValue, Key, Update
from raftkafka.config.rules import breaches
from raftkafka.config.topic_keys import TOPIC_KEYS
from raftkafka.errors import ErrorCode, KafkaError


def check_topic_configs(configs: Mapping[str, str]) -> None:
    """Check everything that a topic would set itself.

    Raises:
        KafkaError: INVALID_CONFIG; there is no such key, or a value is not valid.
    """
    for name, text in configs.items():
        key = TOPIC_KEYS.get(name)
        if key is None:
            raise KafkaError(ErrorCode.INVALID_CONFIG, f"Unknown topic config name: {name}")
        parse(key, text, ErrorCode.INVALID_CONFIG)
    if configs.get("remote.storage.enable", "").strip().lower() == "true":
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured "
            "with remote log storage.",
        )
    least, most = "min.compaction.lag.ms", "max.compaction.lag.ms"
    if least in configs and most in configs and int(configs[least]) > int(configs[most]):
        raise KafkaError(
            ErrorCode.INVALID_CONFIG,
            f"conflict topic config setting {least} ({configs[least]}) > {most} ({configs[most]})",
        )


def check_broker_configs(
    config: BrokerConfig, configs: Mapping[str, str], *, for_all_brokers: bool
) -> None:
    """Check everything that would be set on a running broker, or on all.

    Keys that nobody knows are refused, which Kafka takes for those of a plug-in.

    Raises:
        KafkaError: INVALID_REQUEST, as Kafka has it; a key is not known or not dynamic, a value
            not valid, or it does not go with the others.
    """
    fixed = [name for name in configs if name in BROKER_KEYS and not is_dynamic(name)]
    if fixed:
        raise invalid(f"Cannot update these configs dynamically: [{', '.join(fixed)}]")
    per_broker = [n for n in configs if n in BROKER_KEYS and is_per_broker(n)]
    if per_broker and for_all_brokers:
        raise invalid(
            "Cannot update these configs at default cluster level, broker id must be specified: "
            f"[{', '.join(per_broker)}]"
        )
    for name, text in configs.items():
        key = BROKER_KEYS.get(name)
        if key is None:
            raise invalid(f"Unknown broker config name: {name}")
        parse(key, text, ErrorCode.INVALID_REQUEST)
    known = {name: text for name, text in config.given.items() if name in BrokerConfig.keys}
    for key_name, why in breaches(BrokerConfig.of({**known, **configs}, given=config.given)):
        if key_name in configs:
            raise invalid(f"Invalid value {configs[key_name]} for configuration {key_name}: {why}")


def is_dynamic(name: str) -> bool:
    """Whether a running broker takes new values of a broker key."""
    return BROKER_KEYS[name].update is not Update.READ_ONLY


def is_per_broker(name: str) -> bool:
    """Whether a broker key can only be set on one broker."""
    return BROKER_KEYS[name].update is Update.PER_BROKER


def parse(key: Key, text: str, code: ErrorCode) -> None:
    """Read a value.

    Raises:
        KafkaError: it is not valid; with the code that is given.
    """
    try:
        key.parse(text)
    except InvalidValue as error:
        raise KafkaError(code, str(error)) from error


def invalid(message: str) -> KafkaError:
    """Return the refusal of a request."""
    return KafkaError(ErrorCode.INVALID_REQUEST, message)
