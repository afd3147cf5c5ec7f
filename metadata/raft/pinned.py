"""The patches to PySyncObj's modules; everything else is a subclass or a passed-in object.

- ``syncobj.monotonicTime``: reads the time that the driver last gave;
- ``syncobj.createPoller``: no descriptor is opened;
- ``syncobj.createJournal``: the configuration carries the journal itself;
- every reference to pickle refuses to work.
"""

from __future__ import annotations

from typing import NoReturn

import pysyncobj.journal
import pysyncobj.pickle
import pysyncobj.syncobj
from pysyncobj.journal import Journal

from raftkafka.errors import FatalError

VERSION = "0.3.17"


class PickleRefused(Exception):
    """Something reached for pickle: neither disk nor network is ever unpickled."""


class Clock:
    """The time of the step that runs now, in seconds.

    One step of one core runs at a time and starts by setting it, so cores with clocks of
    their own can share a process.
    """

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        """Return the time of the running step."""
        return self.now


CLOCK = Clock()


def install() -> None:
    """Patch the library; a second call changes nothing.

    Raises:
        FatalError: the installed PySyncObj is not the version whose internals are overridden.
    """
    if pysyncobj.syncobj.VERSION != VERSION:
        raise FatalError(
            f"PySyncObj {pysyncobj.syncobj.VERSION} is installed and only {VERSION} will do, "
            f"because private methods are overridden: pip install pysyncobj=={VERSION}"
        )
    pysyncobj.syncobj.monotonicTime = CLOCK.read
    pysyncobj.syncobj.createPoller = _no_poller
    pysyncobj.syncobj.createJournal = _given_journal
    pysyncobj.pickle.load = pysyncobj.pickle.loads = _refuse
    pysyncobj.pickle.dump = pysyncobj.pickle.dumps = _refuse
    pysyncobj.journal.loads = pysyncobj.journal.dumps = _refuse


def _no_poller(_kind: str) -> None:
    return None


def _given_journal(journal: Journal) -> Journal:
    return journal


def _refuse(*_arguments: object) -> NoReturn:
    raise PickleRefused("pickle is not used here")
