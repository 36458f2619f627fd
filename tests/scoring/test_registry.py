"""What the registry of methods says and what it refuses."""

import pytest

from medneg.errors import CalibrationMissing, QueryError, UnknownName
from medneg.scoring import METHODS, Calibration, compile_plan, method
from medneg.values import Query
from tests.scoring.table_tower import TableTower, images, query


def test_an_unknown_method_is_refused_with_the_known_ones():
    with pytest.raises(
        UnknownName, match="unknown method 'magic'; choose one of: affirmed-only, cosine, drc"
    ):
        compile_plan(query(), "magic", tower=TableTower())


def test_an_unknown_space_is_refused_with_the_known_ones():
    with pytest.raises(UnknownName, match="unknown space 'white'; choose one of: raw, centred"):
        compile_plan(query(), "subtract", tower=TableTower(), space="white")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("z-score", "the method z-score needs the spread of the archive's scores in the raw space"),
        ("log-odds", "the method log-odds needs the findings' probability curves in the raw space"),
    ],
)
def test_a_method_that_needs_a_calibration_says_how_to_get_one(name, what):
    known = Calibration(mean_text=images()[0], mean_image=images()[1])
    for calibration in (None, known):
        with pytest.raises(
            CalibrationMissing,
            match=f"{what}; measure it once with `medneg calibrate --archive ARCHIVE --encoder table`",
        ):
            compile_plan(query(), name, tower=TableTower(), calibration=calibration)


def test_the_centred_space_without_its_means_is_refused_with_the_remedy():
    with pytest.raises(
        CalibrationMissing,
        match="the centred space needs the mean text and the mean image; measure it once with "
        "`medneg calibrate --archive ARCHIVE --encoder table`",
    ):
        compile_plan(query(), "subtract", tower=TableTower(), space="centred")


def test_an_empty_query_is_refused():
    with pytest.raises(QueryError, match="the query is empty"):
        compile_plan(Query(raw="  "), "subtract", tower=TableTower())


def test_a_method_name_is_registered_once():
    with pytest.raises(ValueError, match="there is a method 'cosine' already"):
        method("cosine", source="", summary="", needs=())(lambda reading: ())


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_in_one_line_what_it_does_and_costs(name):
    assert 20 <= len(METHODS[name].summary) <= 100
    assert "\n" not in METHODS[name].summary
