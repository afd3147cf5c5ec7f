"""raftkafka: a Kafka-compatible broker."""
