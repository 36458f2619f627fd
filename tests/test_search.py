"""Searching an archive end to end, with an encoder that the test makes up."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from medneg.archive import Archive
from medneg.calibration import calibrate_archive
from medneg.compiling import calibrate, make_plan
from medneg.errors import (
    ArchiveError,
    CalibrationMissing,
    QueryError,
    SpaceMismatch,
    UnknownName,
)
from medneg.query import parse
from medneg.scoring import METHODS
from medneg.scoring.plan import score
from medneg.search import parse_where, search
from tests.axis_gallery import SHOWN, AxisEncoder, fill, new_image, shown

ROOT = Path(__file__).parents[1]
WITHOUT_CALIBRATION = [
    name
    for name, each in METHODS.items()
    if not (each.needs_covariance or each.needs_curves or each.needs_head)
]


@pytest.fixture(scope="module")
def encoder():
    return AxisEncoder()


@pytest.fixture(scope="module")
def archive(tmp_path_factory, encoder):
    with Archive.open(tmp_path_factory.mktemp("films") / "archive", create=True) as store:
        fill(store, encoder, 80)
        yield store


def test_effusion_but_no_calcification_shows_the_one_and_neither_kind_of_the_other(archive, encoder):
    answer = search(archive, "effusion but no calcification", encoder, k=20)
    assert all("pleural_effusion" in shown(hit) for hit in answer.hits)
    assert not any({"calcified_granuloma", "aortic_calcification"} & set(shown(hit)) for hit in answer.hits)
    assert (answer.exact, answer.considered, len(answer.hits)) == (True, 80, 20)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("space", ["raw", "centred"])
def test_a_query_without_negation_has_the_scores_of_plain_cosine_bit_for_bit(archive, encoder, method, space):
    answer = search(archive, "pulmonary edema", encoder, method=method, space=space, k=80)
    ids = [hit.image_id for hit in answer.hits]
    stored = archive.vectors(encoder.card.image_fingerprint, ids)
    text = encoder.encode_texts(["pulmonary edema"])[0].astype(np.float64)
    want = [float(np.add.reduce(vector.astype(np.float64) * text)) for vector in stored]
    assert [hit.score for hit in answer.hits] == want == sorted(want, reverse=True)


@pytest.mark.parametrize("method", WITHOUT_CALIBRATION)
@pytest.mark.parametrize("space", ["raw", "centred"])
def test_hits_are_those_of_brute_force_over_the_stored_vectors(archive, encoder, method, space):
    asked = parse("effusion, no calcification, no edema")
    answer = search(archive, asked, encoder, method=method, space=space, k=7)
    matrix = archive.matrix(encoder.card.image_fingerprint)
    means = calibrate(encoder, matrix.mean) if space == "centred" else None
    plan = make_plan(asked, encoder, means, method=method, space=space)
    scores = score(plan, archive.vectors(encoder.card.image_fingerprint, matrix.ids.tolist()))
    best = np.lexsort((matrix.ids, -scores))[:7]
    assert [hit.image_id for hit in answer.hits] == matrix.ids[best].tolist()
    assert [hit.score for hit in answer.hits] == scores[best].tolist()
    assert [hit.rank for hit in answer.hits] == list(range(1, 8))


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory, encoder):
    with Archive.open(tmp_path_factory.mktemp("films") / "calibrated", create=True) as store:
        fill(store, encoder, 80)
        calibrate_archive(store, encoder)
        yield store


@pytest.mark.parametrize(
    "method", [name for name, each in METHODS.items() if each.needs_covariance or each.needs_curves]
)
@pytest.mark.parametrize("space", ["raw", "centred"])
def test_methods_that_need_a_calibration_search_with_the_one_that_was_made(
    calibrated, encoder, method, space
):
    asked = parse("effusion, no calcification, no edema")
    answer = search(calibrated, asked, encoder, method=method, space=space, k=7)
    assert answer.warnings == asked.warnings
    known = calibrated.calibration(encoder.card).calibration
    plan = make_plan(asked, encoder, known, method=method, space=space)
    matrix = calibrated.matrix(encoder.card.image_fingerprint)
    scores = score(plan, calibrated.vectors(encoder.card.image_fingerprint, matrix.ids.tolist()))
    best = np.lexsort((matrix.ids, -scores))[:7]
    assert [hit.image_id for hit in answer.hits] == matrix.ids[best].tolist()
    assert all(shown(hit) == ("pleural_effusion",) for hit in answer.hits)


def test_without_a_calibration_probabilities_name_the_command(archive, encoder):
    with pytest.raises(CalibrationMissing, match="`medneg calibrate --archive ARCHIVE --encoder axis`"):
        search(archive, "effusion but no edema", encoder, method="log-odds")


@pytest.mark.parametrize("space", ["raw", "centred"])
def test_spreads_are_had_from_a_sample_where_nobody_has_calibrated(archive, calibrated, encoder, space):
    asked = "effusion but no edema"
    at_once, measured = (
        search(store, asked, encoder, method="z-score", space=space) for store in (archive, calibrated)
    )
    assert at_once.warnings == measured.warnings == ()
    assert [hit.score for hit in at_once.hits] == pytest.approx(
        [hit.score for hit in measured.hits], rel=1e-3
    )


def test_too_few_images_have_no_spread(tmp_path, encoder):
    with Archive.open(tmp_path / "small", create=True) as small:
        small.register(encoder.card)
        small.store(
            encoder.card.image_fingerprint, images=[new_image(encoder, k, SHOWN[k]) for k in range(8)]
        )
        with pytest.raises(CalibrationMissing, match="the method z-score needs the spread"):
            search(small, "effusion but no edema", encoder, method="z-score")


def test_a_calibration_that_the_archive_has_outgrown_is_named(tmp_path, encoder):
    with Archive.open(tmp_path / "growing", create=True) as growing:
        growing.register(encoder.card)
        films = [new_image(encoder, k, SHOWN[k % len(SHOWN)]) for k in range(41)]
        growing.store(encoder.card.image_fingerprint, images=films[:40])
        calibrate_archive(growing, encoder)
        growing.store(encoder.card.image_fingerprint, images=films[40:])
        answer = search(growing, "effusion but no edema", encoder, method="z-score")
        assert [(warning.code, warning.message) for warning in answer.warnings] == [
            (
                "stale_calibration",
                "The calibration of axis was made over 40 images and the archive has changed since; "
                "run `medneg calibrate` again.",
            )
        ]


def test_a_hits_score_is_the_sum_of_its_terms_and_each_names_its_mention(archive, encoder):
    answer = search(archive, "effusion but no calcification", encoder)
    for hit in answer.hits:
        assert hit.score == pytest.approx(math.fsum(term.value for term in hit.terms), abs=1e-12)
    labels = [(term.label, term.mention.polarity) for term in answer.hits[0].terms]
    assert labels[0][1] == "affirmed"
    assert {polarity for _, polarity in labels[1:]} == {"negated"}
    assert {"not calcified granuloma", "not aortic calcification"} < {label for label, _ in labels}


def test_only_images_that_pass_the_filter_are_considered(archive, encoder):
    answer = search(
        archive, "effusion but no calcification", encoder, k=80, where=parse_where("view=PA,age>=60")
    )
    assert answer.considered == len(answer.hits) == 25
    assert all(
        row.view == "PA" and row.age >= 60 for row in archive.images([h.image_id for h in answer.hits])
    )


def test_a_filter_on_a_parent_speaks_of_its_kinds(archive, encoder):
    present = search(archive, "edema", encoder, k=80, where=parse_where("calcification=present"))
    assert {shown(hit) for hit in present.hits} == {SHOWN[2], SHOWN[3], SHOWN[4], SHOWN[7]}
    absent = search(
        archive, "edema", encoder, k=80, where=parse_where("calcification=absent, effusion=absent")
    )
    assert {shown(hit) for hit in absent.hits} == {SHOWN[0], SHOWN[5]}


def test_a_filter_that_nothing_passes_gives_no_hits(archive, encoder):
    answer = search(archive, "effusion but no edema", encoder, where=parse_where("age<30"))
    assert (answer.hits, answer.considered, answer.exact) == ((), 0, True)


def test_every_search_is_recorded(archive, encoder):
    search(archive, "effusion but no edema", encoder, k=3, where=parse_where("sex=F,view=AP"))
    row = archive.searches(limit=1)[0]
    assert (row.query, row.method, row.encoder, row.k, row.considered) == (
        "effusion but no edema",
        "subtract",
        "axis",
        3,
        40,
    )


def test_an_encoder_of_another_space_is_refused_by_name(archive):
    with pytest.raises(
        SpaceMismatch, match=r"no embeddings of the encoder other; it holds those of: axis \(80 im"
    ):
        search(archive, "effusion", AxisEncoder(name="other"))


def test_an_empty_archive_says_how_to_fill_it(tmp_path, encoder):
    with (
        Archive.open(tmp_path / "empty", create=True) as empty,
        pytest.raises(
            ArchiveError, match="holds no embedded images yet; bring some in with `medneg ingest PATH"
        ),
    ):
        search(empty, "effusion", encoder)


def test_an_unknown_space_method_and_an_empty_query_are_refused(archive, encoder):
    with pytest.raises(UnknownName, match="unknown space 'white'; choose one of: raw, centred"):
        search(archive, "effusion", encoder, space="white")
    with pytest.raises(UnknownName, match="unknown method 'magic'"):
        search(archive, "effusion", encoder, method="magic")
    with pytest.raises(QueryError):
        search(archive, "  ", encoder)


@pytest.mark.parametrize("name", ["phantom", "phantom+phantom-neg"])
def test_the_phantom_encoder_says_so_when_it_meets_a_file_that_is_no_phantom(tmp_path, name):
    encoder = AxisEncoder(name=name)
    with Archive.open(tmp_path / "mixed", create=True) as mixed:
        mixed.register(encoder.card)
        films = [new_image(encoder, k, SHOWN[1], phantom=k == 0) for k in range(2)]
        mixed.store(encoder.card.image_fingerprint, images=films[:1])
        assert search(mixed, "effusion", encoder).warnings == ()
        mixed.store(encoder.card.image_fingerprint, images=films[1:])
        warnings = search(mixed, "effusion", encoder).warnings
        assert [(warning.code, warning.message) for warning in warnings] == [
            ("not_a_phantom", "For tests only.")
        ]


def test_new_images_are_found_by_the_next_search(tmp_path, encoder):
    with Archive.open(tmp_path / "growing", create=True) as growing:
        growing.register(encoder.card)
        for k in range(3):
            growing.store(encoder.card.image_fingerprint, images=[new_image(encoder, k, SHOWN[1])])
            assert search(growing, "effusion but no edema", encoder).considered == k + 1


def test_answers_keep_to_their_json_schema(archive, encoder):
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    schema = json.loads((ROOT / "docs/reference/search.schema.json").read_text(encoding="utf-8"))
    validator.check_schema(schema)
    for query in ("effusion", "effusion but no calcification", "no edema"):
        printed = json.loads(json.dumps(search(archive, query, encoder, method="drc").to_json()))
        validator(schema).validate(printed)
        assert {"query", "method", "encoder", "exact", "hits"} <= printed.keys()
        assert printed["hits"][0]["image"].startswith("/films/")
