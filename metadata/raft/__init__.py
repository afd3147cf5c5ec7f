"""PySyncObj made safe: what the quorum changes in the library, and its journal."""
