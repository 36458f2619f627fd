import hashlib
import stat
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import text

from medneg.archive import Archive, Label, NewRejection, copying
from medneg.archive.copying import copy_archive
from medneg.archive.engines import connect
from medneg.archive.places import locate
from medneg.errors import ArchiveError
from tests.archive.new_calibrations import CARD, FITTED, PLAIN, calibration
from tests.archive.new_images import SPACE, new_image


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    with Archive.open(folder, create=True) as archive:
        archive.register(CARD)
        archive.register(replace(CARD, text_fingerprint="tuned", findings=("pleural_effusion",)))
        archive.store(SPACE, images=[new_image(n, view="PA", age=50.5) for n in range(7)])
        archive.store("other", images=[new_image(n) for n in range(3)])
        archive.store(SPACE, rejected=[NewRejection(path="/films/bad", size=3, mtime_ns=7, reason="broken")])
        archive.label({"/films/0.dcm": Label(findings={"pneumothorax": "present"})})
        archive.add_reports([("study1", "Kein Erguss. 胸水なし", {"pleural_effusion": "absent"})])
        archive.save_calibration(CARD, calibration(), (PLAIN, FITTED))
        archive.record_search("no effusion", method="drc", encoder="fake", k=10, considered=7)
    return folder


def everything(place):
    with Archive.open(place) as archive:
        ids = archive.matrix(SPACE).ids
        digest = hashlib.sha256(archive.vectors(SPACE, ids).tobytes()).hexdigest()
        return (
            *(archive.images(ids), archive.findings(ids), archive.counts(), archive.spaces(), digest),
            *(archive.rejections(), archive.searches(), archive.pseudonym_key, archive.thumbnail(ids[2])),
            *(archive.calibration(CARD).findings, archive.calibration(CARD).stale, archive.report(ids[2])),
        )


def test_a_copy_holds_the_same_and_goes_on_by_itself(source, location):
    told = []
    rows = copy_archive(source, location, progress=lambda done, total: told.append((done, total)))
    assert (rows["images"], rows["embeddings"], rows["calibrated_findings"]) == (7, 10, 2)
    assert told[-1] == (2 * sum(rows.values()),) * 2
    assert everything(location) == everything(source)
    assert stat.S_IMODE(locate(location).key_file.stat().st_mode) == 0o600
    with Archive.open(location) as copy:
        before = copy.matrix(SPACE).ids.max()
        copy.store(SPACE, images=[new_image(7)])
        assert copy.matrix(SPACE).ids.max() > before
        np.testing.assert_array_equal(copy.matrix(SPACE).vectors[-1], new_image(7).vector.astype(np.float16))


def test_a_copy_that_was_stopped_is_refused_until_it_is_finished(source, location, monkeypatch):
    monkeypatch.setattr(copying, "BATCH", 2)

    def stop(done, total):
        if done > 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_archive(source, location, progress=stop)
    with pytest.raises(ArchiveError, match="is not finished; run the same `medneg archive copy`"):
        Archive.open(location)
    copy_archive(source, location)
    assert everything(location) == everything(source)


def test_a_place_that_is_taken_is_refused(source, location):
    copy_archive(source, location)
    with pytest.raises(ArchiveError, match="holds an archive already; choose an empty place"):
        copy_archive(source, location)
    with pytest.raises(ArchiveError, match="cannot be copied onto itself"):
        copy_archive(source, source)


def test_rows_that_differ_are_found(source, location, monkeypatch):
    monkeypatch.setattr(copying, "_finish", lambda side: None)
    copy_archive(source, location)
    engine = connect(locate(location))
    with engine.begin() as connection:
        connection.execute(text("UPDATE images SET age = 51 WHERE path = '/films/3.dcm'"))
    engine.dispose()
    with pytest.raises(ArchiveError, match="images differ between the source and"):
        copy_archive(source, location)
