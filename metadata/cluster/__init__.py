"""The cluster listener: who a peer is, the proof that it belongs here, and the channel to it."""
