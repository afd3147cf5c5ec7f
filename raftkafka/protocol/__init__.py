"""Kafka's wire protocol: schema tables, the codec compiled from them, and frames."""
