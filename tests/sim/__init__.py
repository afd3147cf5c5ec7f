"""The real code on a simulated disk, network and clock."""
