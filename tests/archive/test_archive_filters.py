import pytest

from medneg.archive import FindingFilter, Where
from medneg.errors import FilterError


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"views": ("pa",)}, "view must be one of PA, AP, LATERAL; got 'pa'"),
        ({"sexes": ("X",)}, "sex must be one of F, M, O; got 'X'"),
        ({"age_min": -1}, r"the lowest age must be in \[0, 150\] years; got -1"),
        ({"age_max": float("nan")}, "the highest age must be in"),
        ({"date_from": "20200101"}, "the first date must be a date like 2024-01-31; got '20200101'"),
        ({"date_to": "2020-02-30"}, "the last date must be a date like"),
    ],
)
def test_a_value_that_a_field_cannot_have_is_refused(fields, message):
    with pytest.raises(FilterError, match=message):
        Where(**fields)


def test_a_filter_on_a_finding_needs_ids_and_a_state():
    with pytest.raises(FilterError, match="at least one lexicon id"):
        FindingFilter(ids=(), state="present")
    with pytest.raises(FilterError, match="state must be one of present, absent, uncertain; got 'maybe'"):
        FindingFilter(ids=("a",), state="maybe")
