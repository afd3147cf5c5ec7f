"""One module per concern of the controller: request in, records and response out."""
