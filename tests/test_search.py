"""Searching an archive end to end, with an encoder that the test makes up."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from medneg.archive import Archive, FindingFilter, Where
from medneg.calibration import calibrate_archive
from medneg.compiling import calibrate, expansion, make_plan
from medneg.errors import (
    ArchiveError,
    CalibrationMissing,
    FilterError,
    QueryError,
    SpaceMismatch,
    UnknownName,
)
from medneg.query import lexicon, parse
from medneg.scoring import METHODS, Kind
from medneg.scoring.plan import score
from medneg.search import parse_where, search
from medneg.values import Mention
from tests.axis_gallery import KNOWN, SHOWN, AxisEncoder, fill, new_image, shown

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


def test_a_mention_stands_for_its_own_words_and_the_kinds_that_the_encoder_knows(encoder):
    calcification = Mention(text="calcification", polarity="affirmed", finding="calcification")
    known = expansion(encoder.card)(calcification)
    assert known[0] == Kind(text="calcification", finding="calcification")
    assert {kind.text for kind in known[1:]} == {"calcified granuloma", "aortic calcification"}
    assert {kind.finding for kind in known[1:]} == {"calcified_granuloma", "aortic_calcification"}
    openly = expansion(AxisEncoder(findings=None).card)(calcification)
    assert len(openly) == 1 + len(lexicon().descendants("calcification"))
    unknown = Mention(text="unicorn horn", polarity="affirmed")
    assert expansion(encoder.card)(unknown) == (Kind(text="unicorn horn"),)


def test_a_kind_brings_its_normal_counterpart(encoder):
    effusion = Mention(text="pleural effusion", polarity="affirmed", finding="pleural_effusion")
    (kind,) = expansion(encoder.card)(effusion)
    assert kind.normal == "sharp costophrenic angles"


def test_kinds_take_over_the_modifiers(encoder):
    left = Mention(
        text="left calcification", polarity="affirmed", finding="calcification", modifiers=("left",)
    )
    assert "left calcified granuloma" in {kind.text for kind in expansion(encoder.card)(left)}


def test_the_mean_text_is_that_of_the_findings_that_the_encoder_knows(encoder):
    phrases = [lexicon().finding(finding).prompt for finding in KNOWN]
    want = encoder.encode_texts([f"film of {phrase}" for phrase in phrases]).mean(axis=0)
    np.testing.assert_allclose(calibrate(encoder, np.zeros(6, np.float32)).mean_text, want, atol=1e-7)


def test_answers_keep_to_their_json_schema(archive, encoder):
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    schema = json.loads((ROOT / "docs/reference/search.schema.json").read_text(encoding="utf-8"))
    validator.check_schema(schema)
    for query in ("effusion", "effusion but no calcification", "no edema"):
        printed = json.loads(json.dumps(search(archive, query, encoder, method="drc").to_json()))
        validator(schema).validate(printed)
        assert {"query", "method", "encoder", "exact", "hits"} <= printed.keys()
        assert printed["hits"][0]["image"].startswith("/films/")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", Where()),
        ("view=pa", Where(views=("PA",))),
        ("view = PA | AP, sex=f", Where(views=("PA", "AP"), sexes=("F",))),
        ("age>=60,age<80", Where(age_min=60.0, age_max=math.nextafter(80, 0))),
        ("age>60, age>=50", Where(age_min=math.nextafter(60, 99))),
        ("age=65", Where(age_min=65.0, age_max=65.0)),
        ("date>=2024-01-01,date<2025-01-01", Where(date_from="2024-01-01", date_to="2024-12-31")),
        ("date>2023-12-31, date<=2024-02-01", Where(date_from="2024-01-01", date_to="2024-02-01")),
        ("modality=dx", Where(modalities=("DX",))),
        (
            "Rib fractures=Absent",
            Where(
                findings=(
                    FindingFilter(
                        ids=("rib_fracture", *lexicon().descendants("rib_fracture")),
                        state="absent",
                        above=("fracture",),
                    ),
                )
            ),
        ),
    ],
)
def test_filters_are_read(text, where):
    assert parse_where(text) == where


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("view", "a condition looks like view=PA or age>=60; got 'view'"),
        ("view=oblique", "view must be one of PA, AP, LATERAL; got 'oblique'"),
        ("sex>F", "> works for age and date only; got 'sex>F'"),
        ("age>=old", "age is a number of years; got 'old'"),
        ("age>=nan", "age must be in [0, 150] years; got 'nan'"),
        ("date>=2024-13-01", "date looks like 2024-01-31, 2024-01 or 2024; got '2024-13-01'"),
        ("unicorn=present", "unknown field 'unicorn'; choose view, sex, age, date, modality or a finding"),
        ("effusion=maybe", "a finding's state must be one of present, absent, uncertain; got 'maybe'"),
    ],
)
def test_filters_that_cannot_be_read_are_refused(text, message):
    with pytest.raises(FilterError, match=re.escape(message)):
        parse_where(text)
