"""What the quorum uses of PySyncObj 0.3.17, private names included; a test compares it with the source."""

from .config import SyncObjConf as SyncObjConf
from .syncobj import SyncObj as SyncObj
