"""Prompts by group, and shares of the first ten: against their definitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medneg.diagnostics.hearing import Heard, finding_rows, group_rows, hear, overall
from medneg.diagnostics.parts import Parts, plain, revive
from medneg.diagnostics.prompts import draw_prompts
from medneg.diagnostics.sizes import SIZES
from medneg.evaluation.truth import Truth
from tests.diagnostics.towers import Deaf, Oracle
from tests.evaluation.perfect import FINDINGS, gallery

SIZE = replace(SIZES["small"], carriers=2, pairs=4)


@pytest.fixture(scope="module")
def asked():
    images, labels = gallery(300)
    truth = Truth.from_labels(labels, FINDINGS)
    return images, truth, draw_prompts(truth, SIZE, np.random.default_rng(0))


@pytest.fixture(scope="module")
def heard(asked):
    images, _, prompts = asked
    return [hear(images, prompts, tower) for tower in (Deaf(Oracle()), Oracle())]


def test_prompts_come_in_every_group_and_pools_hold_what_they_should(asked):
    _, truth, prompts = asked
    assert {prompt.group for prompt in prompts} == {
        (kind, wording) for kind in ("X", "no X", "A but no B") for wording in ("structured", "natural")
    }
    for prompt in prompts:
        for pool in prompt.pools:
            if prompt.group.kind == "A but no B":
                cells = [
                    (prompt.wanted[pool] == a) & (prompt.excluded[pool] == b) for a in (0, 1) for b in (0, 1)
                ]
                assert [int(cell.sum()) for cell in cells] == [20] * 4
            else:
                assert int(truth.shows(prompt.asked.findings[0])[pool].sum()) == 35 == len(pool) - 35


def test_too_few_images_leave_a_finding_out():
    _, labels = gallery(300)
    labels[:, 0] = False
    labels[:9, 0] = True
    prompts = draw_prompts(Truth.from_labels(labels, FINDINGS), SIZE, np.random.default_rng(0))
    assert not any("pleural_effusion" in prompt.asked.findings for prompt in prompts)


def test_a_share_is_that_of_the_first_ten_averaged_over_pools(asked, heard):
    images, _, prompts = asked
    place = next(i for i, prompt in enumerate(prompts) if prompt.group == ("A but no B", "natural"))
    scores = images.astype(float) @ Deaf(Oracle()).encode_texts([prompts[place].query.raw])[0]
    right, wrong = [], []
    for pool in prompts[place].pools:
        first = sorted(pool.tolist(), key=lambda row: (-scores[row], row))[:10]
        right.append(
            sum(prompts[place].wanted[row] and not prompts[place].excluded[row] for row in first) / 10
        )
        wrong.append(sum(prompts[place].excluded[row] for row in first) / 10)
    assert heard[0].right["sentence"][place] == pytest.approx(sum(right) / 5)
    assert heard[0].wrong["sentence"][place] == pytest.approx(sum(wrong) / 5)


def test_the_deaf_tower_hears_nothing_but_the_parser_mends_it(asked, heard):
    _, _, prompts = asked
    deaf, oracle = heard
    assert overall(deaf, prompts, way="sentence", kind="no X").mean() < 0.05
    assert overall(oracle, prompts, way="sentence", kind="no X").mean() == 1
    assert overall(deaf, prompts, way="parsed", kind="no X").mean() == 1
    assert overall(deaf, prompts, way="parsed", kind="A but no B", wrong=True).mean() == 0


def test_rows_are_over_findings_or_pairs_and_compare_with_base_and_sentence(asked, heard):
    _, _, prompts = asked
    rows = {
        (row.kind, row.wording, row.way, row.model): row
        for row in group_rows(heard, prompts, np.random.default_rng(0))
    }
    assert len(rows) == 6 * 2 * 2
    gained = rows["no X", "structured", "sentence", 1]
    assert (gained.right.n, gained.prompts) == (4, 8)
    assert gained.gain.figure.value == pytest.approx(
        1 - rows["no X", "structured", "sentence", 0].right.value
    )
    assert gained.gain.p_holm >= gained.gain.p
    mended = rows["no X", "structured", "parsed", 0]
    assert mended.gain is None
    assert mended.gain_over_sentence.figure.value > 0.9


def test_by_finding_what_was_excluded_counts_where_it_was(asked, heard):
    _, _, prompts = asked
    row = next(
        row
        for row in finding_rows(heard, prompts)
        if (row.model, row.way, row.finding) == (0, "sentence", FINDINGS[0])
    )
    own = [
        i
        for i, prompt in enumerate(prompts)
        if prompt.group.kind == "A but no B" and prompt.asked.unwanted == (FINDINGS[0],)
    ]
    assert row.excluded == pytest.approx(np.mean([heard[0].wrong["sentence"][i] for i in own]))
    assert row.affirmed == 1


def test_a_part_comes_back_as_it_was_kept(heard, tmp_path):
    parts = Parts(tmp_path, {"seed": 0})
    made = []

    def make():
        made.append(1)
        return heard[0]

    first, second = (parts.get("hearing", Heard, make, models=[0]) for _ in range(2))
    assert first == second == heard[0]
    assert len(made) == 1
    parts.get("hearing", Heard, make, models=[1])
    assert len(made) == 2


def test_a_part_that_was_cut_off_is_made_anew(heard, tmp_path):
    parts = Parts(tmp_path, {})
    parts.get("hearing", Heard, lambda: heard[0])
    for cut in ('{"right": ', '{"left": {}}', "null"):
        for path in tmp_path.iterdir():
            path.write_text(cut, encoding="utf-8")
        assert parts.get("hearing", Heard, lambda: heard[1]) == heard[1]


def test_nan_survives_as_null():
    told = plain(Heard(right={"sentence": (0.5, float("nan"))}, wrong={}))
    assert told["right"]["sentence"] == [0.5, None]
    assert np.isnan(revive(Heard, told).right["sentence"][1])
