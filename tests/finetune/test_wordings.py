"""The training's sentences: pairs that differ in polarity alone, and nothing of what is measured unseen."""

from __future__ import annotations

import pytest
from numpy.random import default_rng

from finetune import held_out
from finetune.grammar import one_finding, two_findings
from finetune.held_out import fresh, may_train, runs, validation
from finetune.wordings import about_one, about_two, carriers, name
from medneg.evaluation.wordings import carriers as measured
from medneg.evaluation.wordings import con2_prompts

STATES = [(True, False), (True, True), (False, False)]


def listed() -> set[str]:
    """Every listed carrier with every opener and closer of its list."""
    known = carriers()
    dressed = {f"{opener}{one}" for one in known.all for opener in known.openers}
    return dressed | {f"{one}{closer}" for one in known.all for closer in known.closers}


def test_the_listed_pairs_share_no_phrase_with_the_benchmarks_natural_wordings():
    unseen = [carrier for kind in held_out.KINDS for carrier in measured()[kind]["natural"]]
    unseen += [
        prompt for group in ("natural positive", "natural negative") for prompt in con2_prompts()[group]
    ]
    kept = frozenset().union(*(runs(carrier) for carrier in unseen))
    assert len(unseen) > 60
    assert not [written for written in listed() if runs(written) & kept]


def test_no_sentence_of_label_aware_tuning_shares_a_phrase_with_anything_kept_for_measuring():
    kept = {run: carrier for carrier in held_out.held_out() for run in runs(carrier)}
    rng = default_rng(0)
    written = [about_one("{x}", bool(turn % 2), rng) for turn in range(1500)]
    written += [about_two(("{a}", "{b}"), state, rng) for state in STATES for _ in range(500)]
    assert not [(sentence, kept[run]) for sentence in written for run in runs(sentence) & kept.keys()]


def test_a_blank_is_a_word_and_two_blanks_say_nothing():
    assert runs("{a} and {b}") == frozenset()
    assert runs("No more {x}, please") == {("no", "more", "_"), ("more", "_", "please")}
    carrier = fresh()["negated"][0]
    assert not may_train(carrier)
    assert not may_train(f"today {carrier} again")


def test_fresh_carriers_are_many_and_none_of_them_validates():
    lengths = {kind: len(lines) for kind, lines in fresh().items()}
    assert lengths == {"affirmed": 16, "negated": 16, "exclusion": 14}
    assert min(len(lines) for lines in validation().values()) >= 16
    assert not {one for lines in fresh().values() for one in lines} & {
        one for lines in validation().values() for one in lines
    }


def test_every_pair_has_its_blank_in_both_polarities_and_no_carrier_comes_twice():
    pairs = carriers().pairs
    assert all("{x}" in affirmed and "{x}" in negated and affirmed != negated for affirmed, negated in pairs)
    assert len(set(carriers().all)) == len(carriers().all)


def test_exclusions_name_both_findings_once():
    assert all(c.count("{a}") == c.count("{b}") == 1 for c in (*carriers().exclusion, *carriers().both))


def test_composed_sentences_differ_between_the_polarities_and_name_each_finding_once():
    rng = default_rng(0)
    for affirmed, negated in (one_finding(rng) for _ in range(500)):
        assert affirmed != negated
        assert affirmed.count("{x}") == negated.count("{x}") == 1
    for a_wanted, b_wanted in STATES:
        for _ in range(300):
            sentence = two_findings(a_wanted, b_wanted, rng)
            assert sentence.count("{a}") == sentence.count("{b}") == 1
            assert "  " not in sentence


def test_a_finding_is_called_by_its_prompt_most_often():
    rng = default_rng(0)
    called = [name("pleural_effusion", rng) for _ in range(200)]
    assert called.count("pleural effusion") > 100
    assert len(set(called)) > 5


@pytest.mark.parametrize(("wanted", "there"), [((True, False), "{a}"), ((False, False), "{b}")])
def test_a_sentence_is_filled_with_the_words_it_is_given(wanted, there):
    sentence = about_two(("A-WORD", "B-WORD"), wanted, default_rng(1))
    assert sentence.count("A-WORD") == sentence.count("B-WORD") == 1
    assert there not in sentence
