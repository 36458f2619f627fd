import pytest

from medneg.errors import ArchiveError, UnknownName
from tests.archive.new_images import SPACE, new_image


def test_an_unknown_index_is_named_with_those_that_exist(archive):
    with pytest.raises(UnknownName, match=r"'tree'.*auto, scan"):
        archive.indexes(SPACE).open("tree")


def test_the_scan_says_that_an_empty_archive_holds_nothing_and_stays(archive):
    indexes = archive.indexes(SPACE)
    state = {each.name: each for each in indexes.states()}["scan"]
    assert (state.ready, state.count) == (False, 0)
    with pytest.raises(ArchiveError, match="nothing to search yet"):
        indexes.build("scan")
    with pytest.raises(ArchiveError, match="a part of the archive"):
        indexes.drop("scan")


def test_the_scan_is_ready_as_soon_as_there_are_images(archive):
    archive.store(SPACE, images=[new_image(k) for k in range(3)])
    state = {each.name: each for each in archive.indexes(SPACE).states()}["scan"]
    assert (state.ready, state.count) == (True, 3)


def test_the_matrix_of_the_scan_can_be_made_before_a_search_needs_it(archive):
    archive.store(SPACE, images=[new_image(k) for k in range(3)])
    built = archive.indexes(SPACE).build("scan")
    assert (built.name, built.ready, built.count) == ("scan", True, 3)
