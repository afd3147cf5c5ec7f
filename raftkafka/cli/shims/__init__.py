"""Kafka's own command line tools: their flags, their output, their exit codes."""
