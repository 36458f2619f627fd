import pytest

from medneg.archive import Archive
from medneg.errors import ArchiveError, UnknownName
from tests.archive.new_images import SPACE


def test_an_unknown_index_is_named_with_those_that_exist(location):
    with (
        Archive.open(location, create=True) as archive,
        pytest.raises(UnknownName, match=r"'tree'.*auto, scan"),
    ):
        archive.indexes(SPACE).open("tree")


def test_the_scan_says_that_an_empty_archive_holds_nothing_and_stays(location):
    with Archive.open(location, create=True) as archive:
        indexes = archive.indexes(SPACE)
        state = {each.name: each for each in indexes.states()}["scan"]
        assert not state.ready
        with pytest.raises(ArchiveError, match="needs no building"):
            indexes.build("scan")
        with pytest.raises(ArchiveError, match="a part of the archive"):
            indexes.drop("scan")
