"""What ``ops/bench`` runs: the broker's speed and use of the machine, beside a peer's."""
