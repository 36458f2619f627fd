"""Several processes write into one archive."""

import multiprocessing

from medneg.archive import Archive
from tests.archive.new_images import SPACE, new_image


def _store_one(location, number):
    with Archive.open(location) as archive:
        archive.store(SPACE, images=[new_image(number)])


def test_several_processes_may_write_at_once(location, pytestconfig, monkeypatch):
    Archive.open(location, create=True).close()
    monkeypatch.syspath_prepend(pytestconfig.rootpath)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_store_one, args=(location, n)) for n in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * 6
    with Archive.open(location) as archive:
        assert archive.counts().images == 6
