"""The poison for pickle works, or the tests that rest on it prove nothing."""

from __future__ import annotations

import _pickle
import pickle
import sys
from pickle import Unpickler, loads
from types import ModuleType

import pytest

from tests.support.poison import UNPICKLING, Unpickled, poison_pickle

DATA = pickle.dumps([1])
HERE = sys.modules[__name__]


def test_every_way_to_unpickle_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    poison_pickle(monkeypatch)
    for name in UNPICKLING:
        with pytest.raises(Unpickled):
            getattr(pickle, name)(DATA)
    for name in ("load", "loads", "Unpickler"):
        with pytest.raises(Unpickled):
            getattr(_pickle, name)(DATA)


def test_names_that_were_imported_before_raise_too(monkeypatch: pytest.MonkeyPatch) -> None:
    early = ModuleType("early")
    exec("from pickle import loads as decode", vars(early))  # as that module would
    monkeypatch.setitem(sys.modules, "early", early)
    poison_pickle(monkeypatch)
    with pytest.raises(Unpickled):
        vars(early)["decode"](DATA)
    for name in ("loads", "Unpickler"):
        with pytest.raises(Unpickled):
            vars(HERE)[name](DATA)


def test_all_is_as_before_afterwards() -> None:
    with pytest.MonkeyPatch.context() as patch:
        poison_pickle(patch)
    assert loads(DATA) == pickle.loads(DATA) == [1]
    assert Unpickler is pickle.Unpickler
