"""Counting and looking up in blocks gives what NumPy gives at once."""

import numpy as np
import pytest

from medneg.dicom.tables import count, look_up


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (255, 257), (600, 500), (1024, 1024)])
def test_blocks_give_what_numpy_gives_at_once(kind, shape):
    rng = np.random.default_rng(3)
    size = np.iinfo(kind).max + 1
    cells = rng.integers(0, size, shape, kind)
    table = rng.random(size, np.float32)
    np.testing.assert_array_equal(count(cells), np.bincount(cells.ravel(), minlength=size))
    found = look_up(table, cells)
    assert (found.dtype, found.shape) == (np.float32, shape)
    np.testing.assert_array_equal(found, table[cells])


def test_cells_that_lie_scattered_in_memory_are_found_too():
    cells = np.arange(400, dtype=np.uint16).reshape(20, 20)[::2, ::-1]
    table = np.arange(2**16, dtype=np.float32)
    np.testing.assert_array_equal(look_up(table, cells), cells)
    assert count(cells)[cells].min() == 1


def test_a_table_that_is_too_short_for_the_cells_is_refused():
    with pytest.raises(ValueError, match="a table for uint16 needs an entry for every value; got 4096"):
        look_up(np.zeros(4096, np.float32), np.zeros((2, 2), np.uint16))
