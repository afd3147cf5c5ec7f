"""A small blocking client for the admin commands."""
