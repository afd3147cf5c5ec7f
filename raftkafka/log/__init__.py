"""The partition log in Kafka's format: segments, indexes, epochs, producer state."""
