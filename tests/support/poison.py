"""Pickle made unusable, wherever somebody has a reference to it."""

from __future__ import annotations

import pickle
import sys
from types import ModuleType

import pytest

UNPICKLING = ("load", "loads", "Unpickler", "_load", "_loads", "_Unpickler")


class Unpickled(BaseException):
    """Bytes were about to be unpickled. No ``except Exception`` hides it."""


def poison_pickle(patch: pytest.MonkeyPatch) -> None:
    """Let every way to unpickle raise: also by names that modules imported before."""
    originals = {id(getattr(pickle, name)) for name in UNPICKLING}
    for module in tuple(sys.modules.values()):
        _poison(patch, module, originals)


def _poison(patch: pytest.MonkeyPatch, module: ModuleType, originals: set[int]) -> None:
    for name, value in tuple(getattr(module, "__dict__", {}).items()):
        if id(value) in originals:
            patch.setattr(module, name, _refuse)


def _refuse(*_: object, **__: object) -> object:
    raise Unpickled
