"""What tests of several kinds share: broker processes, requests by hand, a recording proxy."""
