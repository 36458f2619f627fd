"""What labels say of concepts, and what they leave open."""

from __future__ import annotations

import numpy as np
import pytest

from medneg.errors import UnknownName
from medneg.evaluation.truth import Truth, related


def states(*rows):
    return Truth.from_states(rows, np.arange(len(rows)))


def test_a_parent_is_shown_by_any_kind_and_lacking_when_all_labelled_kinds_are():
    truth = states(
        {"calcified_granuloma": "present", "aortic_calcification": "absent"},
        {"calcified_granuloma": "absent", "aortic_calcification": "absent"},
        {"calcified_granuloma": "absent"},
    )
    assert truth.shows("calcification").tolist() == [True, False, False]
    assert truth.lacks("calcification").tolist() == [False, True, False]


def test_without_a_parent_there_is_no_kind_of_it():
    truth = states({"calcification": "absent"}, {"calcification": "present"})
    assert truth.lacks("calcified_granuloma").tolist() == [True, False]
    assert truth.shows("calcified_granuloma").tolist() == [False, False]
    assert truth.all_known(("calcified_granuloma",)).tolist() == [True, False]


def test_doubt_is_neither():
    truth = states({"pneumothorax": "uncertain"}, {})
    assert not truth.all_known(("pneumothorax",)).any()
    assert truth.knows("pneumothorax")
    assert not truth.knows("scoliosis")


def test_complete_labels_leave_nothing_open():
    labels = np.array([[True, False], [False, False]])
    truth = Truth.from_labels(labels, ("pneumothorax", "cardiomegaly"))
    assert truth.all_known(("pneumothorax", "cardiomegaly")).all()
    assert len(truth) == 2


def test_kinship_counts_both_ways():
    assert related("calcification", "calcified_granuloma")
    assert related("calcified_granuloma", "calcification")
    assert not related("pneumothorax", "cardiomegaly")


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 1\); got \(3, 1\)"):
        Truth(
            findings=("pneumothorax",),
            present=np.zeros((3, 1), bool),
            absent=np.zeros((3, 1), bool),
            patients=np.arange(2),
        )
    with pytest.raises(UnknownName, match="unknown finding 'unicorn'"):
        Truth.from_labels(np.zeros((1, 1), bool), ("unicorn",))
