"""The archive in memory cannot drift: it has the names of the real one, and they are called alike."""

import inspect

import pytest

from medneg.archive import Archive
from medneg.archive.indexes import Index, Indexes
from tests.contracts.memory_archive import MemoryArchive
from tests.contracts.memory_indexes import BruteForce, MemoryIndexes

PAIRS = pytest.mark.parametrize(
    ("real", "fake"), [(Archive, MemoryArchive), (Indexes, MemoryIndexes)], ids=["archive", "indexes"]
)


def public(kind):
    return {name: value for name, value in vars(kind).items() if not name.startswith("_")}


def call(function):
    """How a function is called: the names, kinds, types and defaults of its parameters."""
    function = getattr(function, "__func__", function)
    return [
        (each.name, each.kind, each.annotation, "…" if callable(each.default) else each.default)
        for each in inspect.signature(function).parameters.values()
    ]


@PAIRS
def test_both_have_the_same_public_names(real, fake):
    assert public(fake).keys() == public(real).keys()


@PAIRS
def test_both_are_called_alike_and_give_the_same(real, fake):
    for name, method in public(real).items():
        twin = public(fake)[name]
        assert call(twin) == call(method), name
        given, wanted = (
            inspect.signature(getattr(real_or_fake, name)).return_annotation for real_or_fake in (fake, real)
        )
        assert given.replace("Memory", "") == wanted, name


def test_both_have_the_same_attributes(tmp_path):
    with Archive.open(tmp_path, create=True) as archive:
        known = {name for name in vars(archive) if not name.startswith("_")}
    assert {name for name in vars(MemoryArchive()) if not name.startswith("_")} == known


def test_brute_force_is_called_as_an_index_is():
    assert call(BruteForce.search) == call(Index.search)
