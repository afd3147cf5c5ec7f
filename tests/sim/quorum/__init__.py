"""The quorum's production code on virtual time, network and disk.

``python -m tests.sim.quorum --seeds 1-100`` runs any number of seeds, or one again.
"""
