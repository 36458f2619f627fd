"""Filters as people write them."""

import math
import re

import pytest

from medneg.archive import FindingFilter, Where
from medneg.errors import FilterError
from medneg.query import lexicon
from medneg.search import parse_where


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
