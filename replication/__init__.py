"""Replication of partition data: leader and follower state, and what drives them."""
