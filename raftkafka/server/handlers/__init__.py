"""One module per API family; each answers requests from the metadata image and the replicas."""
