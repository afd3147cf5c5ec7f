"""The command line: one module per command group, shims for the kafka-* tools."""
