"""The metadata plane: records, image, controller, and the Raft quorum beneath them."""
