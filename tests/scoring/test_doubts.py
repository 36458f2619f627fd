"""Plans that come with a warning: contradictions, and findings that an encoder cannot tell apart."""

import math

import numpy as np
import pytest

from medneg.scoring import Calibration, compile_plan
from tests.scoring.table_tower import (
    TableTower,
    images,
    measured,
    plan_of,
    query,
    unit,
)


def test_what_is_wanted_and_excluded_at_once_is_not_excluded():
    asked = query(negated=("effusion", "calcification"))
    plan = compile_plan(asked, "subtract", tower=TableTower())
    assert [term.label for term in plan.terms] == ["effusion", "not calcification"]
    assert [(w.code, w.message) for w in plan.warnings] == [
        ("contradiction", "The query both asks for and excludes “effusion”; it is not excluded.")
    ]


@pytest.mark.parametrize(("centred", "warned"), [(False, True), (True, False)])
def test_an_encoder_that_cannot_tell_two_findings_apart_is_named(centred, warned):
    tower = TableTower(spread=0.15)
    mean = np.mean(list(tower.table.values()), axis=0)
    means = Calibration(mean_text=mean, mean_image=images()[0] * np.float32(0.5)) if centred else None
    space = "centred" if centred else "raw"
    plan = compile_plan(query(), "subtract", tower=tower, calibration=means, space=space)
    assert [warning.code for warning in plan.warnings] == ["inseparable"] * warned
    if warned:
        alike = tower["effusion"] @ tower["calcification"]
        assert plan.warnings[0].message == (
            f"The encoder table can hardly tell “effusion” from “calcification” (their texts have cosine "
            f"{alike:.2f}): excluding the one pushes the other away too."
        )


@pytest.mark.parametrize(("lean", "warned"), [(0.35, False), (0.25, True)])
def test_where_the_archive_is_known_its_scores_tell_whether_two_findings_are_one(lean, warned):
    tower, known = TableTower(), measured(images())
    scatter = known.covariance["raw"].astype(float)
    axes = np.linalg.eigh(scatter)[1] / np.sqrt(np.linalg.eigvalsh(scatter))  # scores on them: uncorrelated
    tower.table[tower.card.template.format("effusion")] = unit(axes[:, 0]).astype(np.float32)
    near = unit(axes[:, 0] + lean * axes[:, 1])
    tower.table[tower.card.template.format("calcification")] = near.astype(np.float32)
    together = 1 / math.sqrt(1 + lean**2)
    seen = np.corrcoef((images() @ np.stack([tower["effusion"], near], axis=1)).T)[0, 1]
    assert seen == pytest.approx(together, abs=1e-3)
    plan = plan_of(query(), "subtract", tower)
    assert [warning.code for warning in plan.warnings] == ["inseparable"] * warned
    if warned:
        assert "(their scores over this archive have correlation 0.97)" in plan.warnings[0].message
