"""The library under the quorum: its version, the private names in use, and no pickle."""

from __future__ import annotations

import ast
import hashlib
import importlib
from collections.abc import Iterator
from pathlib import Path

import pysyncobj.journal
import pysyncobj.pickle
import pysyncobj.syncobj
import pytest

from metadata.raft import pinned
from metadata.raft.pinned import PickleRefused
from raftkafka.errors import FatalError
from tests.support.poison import poison_pickle
from tests.unit.raft.bench import Bench

STUBS = Path(__file__).parents[3] / "typings" / "pysyncobj"
SOURCE = Path(pysyncobj.syncobj.__file__ or "").parent
UPSTREAM = Path(pinned.__file__).with_name("upstream.py")

# SHA-256 of the library's modules whose code runs under the overrides. Another hash means other
# code: read what changed against metadata/raft/upstream.py before it is written down here.
HASHES = {
    "journal.py": "9cf1eaf6acc704581a4cf7d3de330a404403913107adc91c929778b7e3f35edf",
    "node.py": "e4a3f027cd8291f558334bb9c977e952f6b6989e7e1fa1588d3005ef0b990e2c",
    "syncobj.py": "e8bdf06797085d734df86e24ab4802fe87893dff77268565ec036f7ad4a1cfe4",
    "transport.py": "0c9d89f9c4781ec9772df8011d7975a1a4a1a5f541357e12eae85a813e92b50b",
}


def test_the_source_is_the_one_that_the_overrides_were_written_against() -> None:
    assert pysyncobj.syncobj.VERSION == pinned.VERSION == "0.3.17"
    found = {name: hashlib.sha256((SOURCE / name).read_bytes()).hexdigest() for name in HASHES}
    assert found == HASHES


def declared_in_stub(stub: Path) -> Iterator[tuple[str | None, str]]:
    """Yield (class or None, name) of everything that a stub declares."""
    for statement in ast.parse(stub.read_text()).body:
        owner = statement.name if isinstance(statement, ast.ClassDef) else None
        body = statement.body if isinstance(statement, ast.ClassDef) else [statement]
        if owner is not None:
            yield None, owner
        for item in body:
            if isinstance(item, ast.FunctionDef):
                yield owner, item.name
            elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                yield owner, item.target.id


STUB_NAMES = [
    (stub.stem, owner, name)
    for stub in sorted(STUBS.glob("*.pyi"))
    for owner, name in declared_in_stub(stub)
]


@pytest.mark.parametrize(("module", "owner", "name"), STUB_NAMES, ids=lambda part: str(part))
def test_what_the_stubs_declare_exists(module: str, owner: str | None, name: str) -> None:
    loaded = importlib.import_module("pysyncobj" if module == "__init__" else f"pysyncobj.{module}")
    if owner is None:
        assert hasattr(loaded, name)
    elif not hasattr(getattr(loaded, owner), name):  # then an attribute of its instances
        source = (SOURCE / f"{module}.py").read_text()
        assert f"self.{name.removeprefix(f'_{owner}')} = " in source


def test_the_stubs_declare_exactly_the_private_names_in_use() -> None:
    used = {
        node.attr if isinstance(node, ast.Attribute) else node.name
        for node in ast.walk(ast.parse(UPSTREAM.read_text()))
        if isinstance(node, ast.Attribute | ast.FunctionDef)
    }
    private = {name for name in used if name.startswith("_SyncObj__")}
    declared = {name for _, _, name in STUB_NAMES if name.startswith("_SyncObj__")}
    assert private == declared


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pysyncobj.syncobj, "VERSION", "0.3.18")
    with pytest.raises(FatalError, match=r"pip install pysyncobj==0.3.17"):
        pinned.install()


def test_the_librarys_references_to_pickle_refuse() -> None:
    """Override 6."""
    Bench(1)
    for holder in (pysyncobj.pickle, pysyncobj.journal):
        for name in ("load", "loads", "dump", "dumps"):
            if hasattr(holder, name):
                with pytest.raises(PickleRefused):
                    getattr(holder, name)(b"")


def test_a_node_lives_without_pickle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Override 6: start, commits, snapshot, restart, and a snapshot sent to a peer."""
    poison_pickle(monkeypatch)
    bench = Bench(3, snapshot_every_bytes=2000)
    bench.elect(1, 2)
    bench.flow((1, 2))
    for number in range(50):
        bench[1].propose(b"%d" % number)
        bench.flow((1, 2), rounds=2)
    assert bench[1].journal.base_index > 1
    bench[2].restart()
    for peer in (1, 3):
        bench.connect(2, peer)
    bench.flow(rounds=40)
    assert bench[3].machine.applied == bench[1].machine.applied


def test_membership_cannot_change() -> None:
    """Override 7: the library's own calls refuse; its commands are no commands here."""
    bench = Bench(3)
    library = vars(bench[1].core)["_raft"]
    with pytest.raises(Exception, match="dynamicMembershipChange is disabled"):
        library.addNodeToCluster(4)
    with pytest.raises(Exception, match="dynamicMembershipChange is disabled"):
        library.removeNodeFromCluster(2)


def test_cores_with_clocks_of_their_own_share_a_process() -> None:
    early, late = Bench(3), Bench(3)
    late.now += 5000
    for bench in (early, late):
        bench.elect(1, 2, 3)
    for _ in range(20):
        early.flow(rounds=1)
        late.flow(rounds=1)
    assert early.leaders() == late.leaders() == [1]
