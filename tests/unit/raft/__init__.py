"""The rules of the quorum, one by one, on a few nodes whose messages a test delivers by hand."""
