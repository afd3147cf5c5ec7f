"""Connections, dispatch, and one handler module per API family."""
