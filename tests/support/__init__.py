"""What tests of several kinds share: broker processes, other people's clients, a recording proxy."""
