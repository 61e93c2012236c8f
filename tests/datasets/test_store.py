"""The store is built once, rebuilt when its digest changes, and never left half written."""

from pathlib import Path
from types import ModuleType

import pytest
from kedro.io import DatasetError

from osteon.datasets import Build, StoreDataset
from osteon.datasets.store import source_hash


def _build(digest: str, text: str, calls: list[str]) -> Build:
    def write(folder: Path) -> None:
        calls.append(digest)
        (folder / "content.txt").write_text(text)

    return Build(digest, write)


def test_equal_digest_is_reused_and_new_digest_rebuilds(tmp_path: Path) -> None:
    calls: list[str] = []
    store = StoreDataset(str(tmp_path / "deep" / "store"))
    store.save(_build("a", "first", calls))
    store.save(_build("a", "never written", calls))
    assert (store.load() / "content.txt").read_text() == "first"
    store.save(_build("b", "second", calls))
    assert (store.load() / "content.txt").read_text() == "second"
    assert calls == ["a", "b"]


def test_failure_keeps_the_old_store_and_leaves_nothing_else(tmp_path: Path) -> None:
    store = StoreDataset(str(tmp_path / "store"))
    store.save(_build("a", "first", []))

    def fail(folder: Path) -> None:
        (folder / "content.txt").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(DatasetError, match="No space left"):
        store.save(Build("b", fail))
    assert (store.load() / "content.txt").read_text() == "first"
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_leftovers_of_a_kill_are_not_taken_for_a_store(tmp_path: Path) -> None:
    (tmp_path / ".store.partial").mkdir()
    (tmp_path / ".store.partial" / "old.txt").write_text("from a killed run")
    store = StoreDataset(str(tmp_path / "store"))
    assert not store.exists()
    with pytest.raises(DatasetError, match="not built yet"):
        store.load()
    store.save(_build("a", "first", []))
    assert sorted(p.name for p in store.load().iterdir()) == ["content.txt", "digest.txt"]


def test_reader_opens_the_folder(tmp_path: Path) -> None:
    store = StoreDataset(str(tmp_path / "store"), reader="os.listdir")
    store.save(_build("a", "first", []))
    assert sorted(store.load()) == ["content.txt", "digest.txt"]


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path: Path) -> None:
    store = StoreDataset(str(tmp_path / "store"))
    store.save(_build("a", "first", []))
    (tmp_path / "store").rename(tmp_path / ".store.replaced")
    assert store.exists()
    assert (store.load() / "content.txt").read_text() == "first"


def test_source_hash_follows_the_code(tmp_path: Path) -> None:
    package = ModuleType("package")
    package.__path__ = [str(tmp_path)]
    (tmp_path / "a.py").write_text("x = 1")
    before = source_hash(package)
    assert source_hash(package) == before
    (tmp_path / "a.py").write_text("x = 2")
    assert source_hash(package) != before
