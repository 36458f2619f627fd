import numpy as np
import pytest

from medneg.archive import Label, NewRejection
from medneg.errors import ArchiveError
from tests.archive.new_images import SPACE, new_image, stamp, unit_vector
from tests.fake_encoder import FakeEncoder


def test_vectors_come_back_bit_for_bit_in_the_order_asked(archive):
    archive.store(SPACE, images=[new_image(n) for n in range(5)])
    ids = archive.matrix(SPACE).ids[[3, 0, 4]]
    got = archive.vectors(SPACE, ids)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, [unit_vector(3), unit_vector(0), unit_vector(4)])


def test_the_matrix_holds_every_vector_rounded_to_float16(archive):
    archive.store(SPACE, images=[new_image(n) for n in range(5)])
    matrix = archive.matrix(SPACE)
    np.testing.assert_array_equal(matrix.vectors, archive.vectors(SPACE, matrix.ids).astype(np.float16))
    assert archive.matrix(SPACE) is matrix


def test_the_matrix_is_rebuilt_whenever_it_is_stale(archive, open_archive):
    archive.store(SPACE, images=[new_image(0), new_image(1)])
    assert len(archive.matrix(SPACE)) == 2
    archive.store(SPACE, images=[new_image(2)])
    assert len(archive.matrix(SPACE)) == 3
    before = archive.matrix(SPACE).stamp
    archive.store(SPACE, images=[new_image(7, name="2.dcm", content="changed")])
    assert archive.matrix(SPACE).stamp != before
    np.testing.assert_array_equal(archive.matrix(SPACE).vectors[2], unit_vector(7).astype(np.float16))
    archive.store(SPACE, rejected=[NewRejection(path="/films/0.dcm", size=1, mtime_ns=1, reason="broken")])
    assert len(archive.matrix(SPACE)) == 2
    with open_archive() as another:
        assert another.problems()[-1].startswith("2 files no longer where")


def test_an_unknown_space_and_an_empty_one_are_told_apart(archive):
    with pytest.raises(ArchiveError, match="holds no embeddings of space 'other'"):
        archive.matrix("other")
    with pytest.raises(ArchiveError, match="holds nothing to search yet"):
        archive.matrix(SPACE)
    archive.store(SPACE, images=[new_image(0)])
    with pytest.raises(ArchiveError, match="image 99 has no embedding in space"):
        archive.vectors(SPACE, [99])


def test_what_was_stored_of_an_image_is_read_back(archive):
    known = {"view": "PA", "sex": "F", "age": 61.5, "study_date": "2020-02-29", "modality": "DX"}
    archive.store(SPACE, images=[new_image(5, phantom=True, **known)])
    (row,) = archive.images(archive.matrix(SPACE).ids)
    assert (row.path, row.patient, row.study, row.image) == ("/films/5.dcm", "patient1", "study2", "image5")
    assert {name: getattr(row, name) for name in known} == known
    assert (row.rows, row.columns, row.grey_scale, row.phantom) == (20, 10, "window", True)
    assert row.header == {"BitsStored": "12"}
    assert archive.thumbnail(row.id) == b"jpeg 5"
    assert archive.thumbnail(99) is None
    with pytest.raises(ArchiveError, match="this archive has no image 99"):
        archive.images([99])


def test_images_come_in_the_order_asked_and_twice_when_asked_twice(archive):
    archive.store(SPACE, images=[new_image(n) for n in range(3)])
    a, b, c = archive.matrix(SPACE).ids
    assert [row.id for row in archive.images([c, a, c, b])] == [c, a, c, b]


def test_storing_the_same_file_again_keeps_its_id_and_other_spaces(archive):
    archive.store(SPACE, images=[new_image(0)])
    archive.store("other", images=[new_image(0)])
    (image,) = archive.matrix(SPACE).ids
    archive.store(SPACE, images=[new_image(0)])
    assert list(archive.matrix(SPACE).ids) == [image]
    assert archive.vectors(SPACE, [image]).shape == (1, 16)
    assert [(space.image_fingerprint, space.count) for space in archive.spaces()] == [
        (SPACE, 1), ("other", 1)
    ]  # fmt: skip


def test_a_changed_file_replaces_its_image_and_everything_known_of_it(archive):
    archive.store(SPACE, images=[new_image(0)])
    archive.label({"/films/0.dcm": Label(findings={"pneumothorax": "present"})})
    archive.store(SPACE, images=[new_image(9, name="0.dcm", content="new")])
    (row,) = archive.images(archive.matrix(SPACE).ids)
    assert (row.patient, row.image) == ("patient2", "image9")
    assert archive.findings([row.id]) == {row.id: {}}
    assert (archive.counts().patients, archive.counts().studies, archive.counts().images) == (1, 1, 1)


def test_a_vector_that_is_not_of_unit_length_stops_the_whole_batch(archive):
    bad = new_image(1)
    bad.vector[:] = 1.0
    with pytest.raises(ValueError, match=r"must have unit length; got 4\.0"):
        archive.store(SPACE, images=[new_image(0), bad])
    assert archive.counts().images == 0


def test_vectors_that_come_later_must_be_of_unit_length_too(archive):
    archive.store(SPACE, images=[new_image(0), new_image(1)])
    before = archive.matrix(SPACE).vectors.copy()
    with pytest.raises(ValueError, match=r"must have unit length; got 2\.0"):
        archive.add_vectors(SPACE, [1, 2], np.stack([unit_vector(5), 2 * unit_vector(6)]))
    np.testing.assert_array_equal(archive.matrix(SPACE).vectors, before)


def test_the_same_content_elsewhere_is_copied_without_its_pixels(archive):
    archive.store(SPACE, images=[new_image(0, name=__file__, content="x")])
    assert archive.store(SPACE, twins=[stamp("copy.dcm", "x")]) == ()
    first, copy = archive.images(archive.matrix(SPACE).ids)
    assert (first.path, copy.path) == (__file__, "/films/copy.dcm")


def test_a_file_that_moved_keeps_its_row(archive):
    archive.store(SPACE, images=[new_image(0, content="x")])
    (before,) = archive.matrix(SPACE).ids
    archive.store(SPACE, twins=[stamp("moved.dcm", "x")])
    (row,) = archive.images(archive.matrix(SPACE).ids)
    assert (row.id, row.path) == (before, "/films/moved.dcm")


def test_a_twin_whose_like_is_gone_is_handed_back(archive):
    assert archive.store(SPACE, twins=[stamp("alone.dcm")]) == ("/films/alone.dcm",)
    assert archive.counts().images == 0


def test_files_are_known_by_path_size_and_time(archive):
    archive.store(SPACE, images=[new_image(0)])
    archive.store(SPACE, rejected=[NewRejection(path="/films/bad", size=3, mtime_ns=7, reason="broken")])
    known = archive.known_files(["/films/0.dcm", "/films/bad", "/films/new"], SPACE)
    assert set(known) == {"/films/0.dcm", "/films/bad"}
    assert known["/films/0.dcm"].embedded
    assert (known["/films/bad"].reason, known["/films/bad"].image_id) == ("broken", None)
    assert not archive.known_files(["/films/0.dcm"], "other")["/films/0.dcm"].embedded
    assert archive.paths_without_embedding("other") == ("/films/0.dcm",)
    assert [(row.path, row.reason) for row in archive.rejections()] == [("/films/bad", "broken")]


def test_a_rejected_file_that_became_readable_is_no_longer_rejected(archive):
    archive.store(SPACE, rejected=[NewRejection(path="/films/0.dcm", size=3, mtime_ns=7, reason="broken")])
    archive.store(SPACE, images=[new_image(0)])
    assert archive.rejections() == ()
    archive.store(SPACE, rejected=[NewRejection(path="/films/0.dcm", size=3, mtime_ns=7, reason="broken")])
    assert archive.counts().images == archive.counts().patients == 0


def test_labels_fill_gaps_and_replace_findings(archive):
    archive.store(SPACE, images=[new_image(0, view="AP"), new_image(1)])
    known = Label(findings={"pneumothorax": "present"}, view="PA", sex="M", age=50, study_date="2001-01-01")
    assert archive.label({"/films/0.dcm": known, "/films/1.dcm": known, "/films/none": known}) == 2
    first, second = archive.images(archive.matrix(SPACE).ids)
    assert (first.view, first.sex, first.age, first.study_date) == ("AP", "M", 50, "2001-01-01")
    assert second.view == "PA"
    archive.label({"/films/0.dcm": Label(findings={"lung_mass": "absent"})})
    assert archive.findings([first.id, second.id]) == {
        first.id: {"lung_mass": "absent"}, second.id: {"pneumothorax": "present"}
    }  # fmt: skip


def test_a_table_names_the_patient_only_of_files_that_do_not(archive):
    bare = {"patient": "content", "study": "content", "image": "content"}
    archive.store(SPACE, images=[new_image(0, **bare), new_image(1)])
    archive.label({f"/films/{n}.dcm": Label(patient="told") for n in (0, 1)})
    assert [row.patient for row in archive.images(archive.matrix(SPACE).ids)] == ["told", "patient0"]
    assert archive.counts().patients == 2
    assert [row.image for row in archive.images_of_patient("told")] == ["content"]


def test_a_report_speaks_for_all_images_of_its_study(archive):
    archive.store(SPACE, images=[new_image(n) for n in range(4)])
    a, b, c, _ = archive.matrix(SPACE).ids
    report = ("study0", "Small effusion.", {"pleural_effusion": "present"})
    assert archive.add_reports([report, ("study99", "Lost.", {})]) == 1
    assert [archive.report(image) for image in (a, b, c)] == ["Small effusion.", "Small effusion.", None]
    assert archive.findings([a, c], "report") == {a: {"pleural_effusion": "present"}, c: {}}
    assert archive.findings([a], "manifest") == {a: {}}
    assert archive.reports(["study0", "study1", "study99"]) == {"study0": "Small effusion.", "study1": None}
    archive.add_reports([("study0", "Resolved.", {"pleural_effusion": "absent"})])
    assert archive.findings([b]) == {b: {"pleural_effusion": "absent"}}


def test_present_outranks_uncertain_and_uncertain_outranks_absent(archive):
    archive.store(SPACE, images=[new_image(0)])
    (image,) = archive.matrix(SPACE).ids
    for manifest, report, together in [
        ("absent", "present", "present"), ("present", "absent", "present"),
        ("absent", "uncertain", "uncertain"), ("uncertain", "present", "present"),
    ]:  # fmt: skip
        archive.label({"/films/0.dcm": Label(findings={"lung_mass": manifest})})
        archive.add_reports([("study0", "text", {"lung_mass": report})])
        assert archive.findings([image]) == {image: {"lung_mass": together}}


def test_patients_are_shown_through_time(archive):
    dates = {0: "2021-05-01", 1: None, 2: "2019-01-01", 3: "2020-01-01"}
    archive.store(SPACE, images=[new_image(n, study_date=day) for n, day in dates.items()])
    assert [row.image for row in archive.images_of_patient("patient0")] == [
        "image2", "image3", "image0", "image1"
    ]  # fmt: skip


def test_the_licence_of_a_space_is_kept_beside_it(archive):
    archive.store(SPACE, images=[new_image(0)])
    (space,) = archive.spaces()
    assert (space.name, space.count, space.cards[0]) == ("fake", 1, FakeEncoder().card)
    archive.register(FakeEncoder().card)
    assert len(archive.spaces()[0].cards) == 1


def test_searches_are_written_down_without_naming_the_account(archive, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "alice")
    archive.record_search("no effusion", method="drc", encoder="fake", k=10, considered=7)
    monkeypatch.setattr("getpass.getuser", lambda: "bob")
    archive.record_search("mass", method="cosine", encoder="fake", k=5, considered=7)
    bob, alice = archive.searches()
    assert (alice.query, alice.method, alice.encoder, alice.k, alice.considered) == (
        "no effusion", "drc", "fake", 10, 7
    )  # fmt: skip
    assert alice.who != bob.who
    assert "alice" not in alice.who
    assert alice.when.endswith("+00:00")


def test_a_search_is_written_down_without_what_no_database_keeps(archive):
    archive.record_search("effusion\0 \udcff", method="drc", encoder="fake", k=10, considered=7)
    assert archive.searches()[0].query == "effusion ?"


def test_a_thumbnail_is_found_by_its_images_name_and_the_very_beginning_of_its_content(archive):
    archive.store(SPACE, images=[new_image(0, content="x"), new_image(1, content="y", image="image0")])
    first, second = (row.sha256 for row in archive.images(archive.matrix(SPACE).ids))
    assert archive.find_thumbnail("image0") == b"jpeg 1"
    assert archive.find_thumbnail("image0", first[:6]) == b"jpeg 0"
    assert archive.find_thumbnail("image0", second) == b"jpeg 1"
    assert archive.find_thumbnail("image0", "%") is None
    assert archive.find_thumbnail("image0", first.upper()) is None
    assert archive.find_thumbnail("image9") is None
