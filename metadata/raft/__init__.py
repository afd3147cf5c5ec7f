"""PySyncObj made safe: what the quorum changes in the library, and its journal.

pump            the order of a node's steps; ``quorum_driver`` and the simulation run it
electorate      which folders may vote
core            one node: events in; messages, records and jobs out
election, replication, reads, snapshots, proposals, sessions    what the core is made of
upstream, pinned    PySyncObj under names of ours, and the patches to its modules
messages, commands, outbox    what travels
journal         the log in memory, and what of it waits to be written
folder, journal_files, replay, frames, snapshot_file, identity    the log on disk
"""
