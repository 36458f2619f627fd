"""Thresholds and verdicts: where a figure stands, what a file may say, and which words follow."""

from __future__ import annotations

import pytest

from medneg.diagnostics.thresholds import DEFAULTS, read_gate
from medneg.diagnostics.verdict import describe, hold, judge, reasons
from medneg.errors import GateError
from medneg.evaluation.intervals import UNDEFINED, Figure

NO_X = next(one for one in DEFAULTS if one.key == "sentences.no_x")
COSINE = next(one for one in DEFAULTS if one.key == "sentences.cosine")


def _sure(value):
    return Figure(value=value, low=value, high=value, n=10)


GOOD = {
    ("sentence", "no_x"): _sure(0.95),
    ("sentence", "exclusion_violation"): _sure(0.1),
    ("sentence", "affirmed_change"): _sure(0.0),
    ("sentence", "cosine"): _sure(0.2),
    ("parsed", "no_x"): _sure(0.99),
    ("parsed", "exclusion_violation"): _sure(0.01),
}


def _verdict(model=1, untested=(), **changed):
    figures = GOOD | {tuple(key.split("__")): value for key, value in changed.items()}
    return judge(model, "tower", figures, DEFAULTS, untested)


def _gate(tmp_path, words):
    path = tmp_path / "gate.toml"
    path.write_text(words, encoding="utf-8")
    return read_gate(path)


@pytest.mark.parametrize(
    ("threshold", "value", "low", "high", "status"),
    [
        (NO_X, 0.85, 0.85, 0.9, "passes"),
        (NO_X, 0.86, 0.84, 0.9, "narrowly"),
        (NO_X, 0.849, 0.8, 0.9, "fails"),
        (COSINE, 0.6, 0.5, 0.6, "passes"),
        (COSINE, 0.5, 0.4, 0.61, "narrowly"),
        (COSINE, 0.61, 0.5, 0.7, "fails"),
    ],
)
def test_a_figure_passes_narrowly_where_its_interval_does_not(threshold, value, low, high, status):
    assert threshold.status(Figure(value=value, low=low, high=high, n=5)) == status


def test_a_figure_without_a_value_is_untested():
    assert NO_X.status(UNDEFINED) == "untested"


def test_all_thresholds_held_and_nothing_untested_is_a_pass():
    assert _verdict().outcome == "passes"


@pytest.mark.parametrize(
    ("changed", "outcome", "words"),
    [
        (
            {"sentence__exclusion_violation": _sure(0.3)},
            "passes with a reservation",
            "still shows B in 30 of 100",
        ),
        ({"sentence__cosine": _sure(0.7)}, "passes with a reservation", "95 of 100 hits are free of X"),
        ({"untested": ("real radiographs",)}, "passes with a reservation", "95 of 100"),
        (
            {"sentence__no_x": _sure(0.05)},
            "fails",
            "show X in 95 of 100 cases. Use it only with a parsing method",
        ),
        ({"sentence__affirmed_change": _sure(-0.2)}, "fails", "it has lost findings that its base knows"),
        (
            {"sentence__no_x": _sure(0.05), "parsed__no_x": _sure(0.5)},
            "fails",
            "A parsing method does not mend it either",
        ),
        (
            {"sentence__no_x": _sure(0.05), "parsed__exclusion_violation": UNDEFINED},
            "fails",
            "Whether a parsing method mends it is untested.",
        ),
        ({"sentence__no_x": UNDEFINED}, "untested", "Nothing is known of this model's “no”."),
    ],
)
def test_the_verdict_follows_from_the_figures_in_words(changed, outcome, words):
    verdict = _verdict(**changed)
    assert verdict.outcome == outcome
    assert words in verdict.words


def test_the_base_is_not_asked_for_a_change_against_itself():
    assert [check.threshold.name for check in _verdict(model=0).checks].count("affirmed_change") == 0


def test_the_reasons_count_and_name():
    verdict = _verdict(sentence__exclusion_violation=_sure(0.3), untested=("real radiographs",))
    assert reasons(verdict) == (
        "3 of 4 thresholds for whole sentences pass",
        "fails: “A but no B”",
        "untested: real radiographs",
    )


def test_a_gate_judges_what_it_names_by_its_own_limits(tmp_path):
    gate = _gate(tmp_path, "[sentences]\nno_x = 0.97\n")
    verdict = judge(1, "tower", GOOD, gate.all_thresholds(), ())
    base = judge(0, "base", GOOD | {("sentence", "no_x"): _sure(0)}, gate.all_thresholds(), ())
    result = hold(gate, [base, verdict])
    assert result.judged == ("tower",)
    assert result.missed == ("tower: sentences.no_x is 0.950 [0.950, 0.950], at least 0.97 is asked for",)
    assert not result.open
    assert verdict.outcome == "fails"
    assert hold(gate, [judge(0, "base", GOOD, DEFAULTS, ())]).open


def test_a_gate_is_closed_by_what_nobody_measured(tmp_path):
    verdict = _verdict(parsed__no_x=UNDEFINED)
    result = hold(_gate(tmp_path, "[parsed]\nno_x = 0.5\n"), [verdict, verdict])
    assert result.missed == ("tower: parsed.no_x is untested (at least 0.9 is asked for)",)
    assert describe(verdict.checks[0]).startswith("sentences.no_x is 0.950")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("[sentences]\nno_y = 1\n", r"unknown key 'sentences\.no_y'; choose from: sentences\.no_x, "),
        ("[parsed]\ncosine = 1\n", r"unknown key 'parsed\.cosine'"),
        ("no_x = 0.8\n", "unknown key 'no_x'"),
        ("[words]\nno_x = 0.8\n", "unknown key 'words'"),
        ("[sentences]\nno_x = 'high'\n", r"sentences\.no_x must be a number; got 'high'"),
        ("[sentences]\nno_x = true\n", r"sentences\.no_x must be a number; got True"),
        ("[sentences]\nno_x = nan\n", r"sentences\.no_x must be a number; got nan"),
        ("[sentences]\n", "names no threshold; choose from"),
        ("sentences", "cannot be read as a file of thresholds"),
    ],
)
def test_a_file_that_is_no_gate_is_refused_by_name(tmp_path, words, message):
    with pytest.raises(GateError, match=message):
        _gate(tmp_path, words)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(GateError, match=r"gone\.toml cannot be read"):
        read_gate(tmp_path / "gone.toml")
