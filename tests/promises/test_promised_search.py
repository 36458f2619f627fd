"""A search that promises: what remains, what is said of it, and when it is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from medneg.archive import Archive
from medneg.calibration import calibrate_archive
from medneg.errors import PromiseError
from medneg.search import by_mention, parse_where, search
from tests.calibration.noisy_archive import NoisyEncoder, fill, truth

N = 1500
SHOWN = truth(N)
LABELLED = np.random.default_rng(5).random(N) < 0.6


@pytest.fixture(scope="module")
def encoder():
    return NoisyEncoder()


@pytest.fixture(scope="module")
def archive(tmp_path_factory, encoder):
    with Archive.open(tmp_path_factory.mktemp("films") / "a", create=True) as store:
        fill(store, encoder, SHOWN, labelled=LABELLED)
        calibrate_archive(store, encoder)
        yield store


def rows(answer):
    return np.array([int(Path(hit.image).stem) for hit in answer.hits])


@pytest.mark.parametrize("space", ["raw", "centred"])
@pytest.mark.parametrize(
    ("words", "excluded"),
    [
        ("effusion but no edema", [1]),
        ("effusion but no calcification", [2, 3]),
        ("no effusion or edema", [0, 1]),
    ],
)
def test_of_the_unlabelled_images_that_remain_few_carry_what_was_excluded(
    archive, encoder, words, excluded, space
):
    answer = search(archive, words, encoder, space=space, k=N, exclude_risk=0.05)
    promise, found = answer.promise, rows(answer)
    carries, unseen = SHOWN[found][:, excluded].any(axis=1), ~LABELLED[found]
    assert len(found) == promise.remaining == answer.considered < promise.fitting
    assert promise.unseen == unseen.sum() > 50
    assert promise.labelled == promise.remaining - promise.unseen
    assert promise.carrying == carries[~unseen].sum()
    assert carries[unseen].mean() <= 0.05
    if answer.query.affirmed:
        assert SHOWN[found][:, 0].mean() > 0.8


def test_the_hits_are_those_of_the_plain_search_that_the_promise_lets_through(archive, encoder):
    plain = search(archive, "effusion but no edema", encoder, k=N)
    promised = search(archive, "effusion but no edema", encoder, k=N, exclude_risk=0.05)
    kept = {hit.image_id for hit in promised.hits}
    assert [hit.image_id for hit in plain.hits if hit.image_id in kept] == [
        hit.image_id for hit in promised.hits
    ]
    assert plain.promise is None


def test_a_smaller_risk_leaves_fewer_images(archive, encoder):
    left = [
        search(archive, "no edema", encoder, exclude_risk=risk).promise.remaining
        for risk in (0.02, 0.05, 0.2)
    ]
    assert left[0] < left[1] < left[2]


def test_a_filter_holds_for_the_promise_too(archive, encoder):
    answer = search(archive, "no edema", encoder, k=N, where=parse_where("view=PA"), exclude_risk=0.05)
    assert (rows(answer) % 2 == 1).all()
    assert answer.promise.remaining == len(answer.hits)


def test_probabilities_stand_with_each_mention_and_with_a_lone_finding(archive, encoder):
    answer = search(archive, "effusion but no edema", encoder, k=N)
    chances = np.array(
        [[part.probability for part in by_mention(answer.query, hit.terms)] for hit in answer.hits]
    )
    assert chances.shape == (N, 2)
    for column in (0, 1):
        shown = SHOWN[rows(answer)][:, column]
        assert chances[shown, column].mean() > 0.8
        assert abs(chances[:, column].mean() - shown.mean()) < 0.03
    (whole,) = search(archive, "edema", encoder, k=1).hits[0].terms
    assert (whole.label, whole.mention) == ("whole sentence", None)
    assert whole.probability > 0.9
    (left,) = search(archive, "left effusion", encoder, k=1).hits[0].terms
    assert left.probability is None


def test_the_promise_and_probabilities_are_written_as_json(archive, encoder):
    answer = search(archive, "effusion but no edema", encoder, k=3, exclude_risk=0.1).to_json()
    assert answer == json.loads(json.dumps(answer))
    assert answer["promise"]["findings"] == ["pulmonary_edema"]
    assert (answer["promise"]["risk"], answer["promise"]["confidence"]) == (0.1, 0.95)
    assert 0 <= answer["hits"][0]["terms"][0]["probability"] <= 1
    schema = json.loads((Path(__file__).parents[2] / "docs/reference/search.schema.json").read_text())
    assert set(answer["promise"]) == set(schema["properties"]["promise"]["properties"])
    terms = schema["properties"]["hits"]["items"]["properties"]["terms"]["items"]["properties"]
    assert set(answer["hits"][0]["terms"][0]) == set(terms)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("effusion", "the query excludes nothing"),
        ("effusion but no left edema", "not whether it is left"),
        ("effusion but no unicorn", "no label can speak of “unicorn”"),
        ("aortic calcification but no calcification", "wants aortic .* which includes it"),
        ("effusion but no pneumothorax", "no probability for pneumothorax: run `medneg calibrate`"),
    ],
)
def test_what_labels_cannot_tell_is_not_promised(archive, encoder, words, why):
    with pytest.raises(PromiseError, match=why):
        search(archive, words, encoder, exclude_risk=0.05)


def test_too_few_labels_and_too_many_carriers_are_told_apart(archive, encoder, tmp_path):
    with pytest.raises(PromiseError, match=r"of them carry it; at least 2,995 labels are needed"):
        search(archive, "effusion but no edema", encoder, exclude_risk=0.001)
    blind = NoisyEncoder(noise=4.0)
    with Archive.open(tmp_path / "a", create=True) as store:
        fill(store, blind, SHOWN[:600], labelled=LABELLED[:600])
        calibrate_archive(store, blind)
        with pytest.raises(PromiseError, match="too many even among the safest"):
            search(store, "no edema", blind, exclude_risk=0.05)


def test_no_image_that_shows_what_is_wanted_is_told(archive, encoder):
    where = parse_where("effusion=absent")
    with pytest.raises(PromiseError, match=r"cannot promise|no image that passes the filter"):
        search(
            archive,
            "effusion and aortic calcification and edema but no granuloma",
            encoder,
            where=where,
            exclude_risk=0.05,
        )


def test_an_archive_without_a_calibration_says_how_to_get_one(encoder, tmp_path):
    with Archive.open(tmp_path / "a", create=True) as store:
        fill(store, encoder, SHOWN[:40], labelled=LABELLED[:40])
        with pytest.raises(PromiseError, match="run `medneg calibrate`"):
            search(store, "effusion but no edema", encoder, exclude_risk=0.05)
        assert search(store, "effusion but no edema", encoder).hits[0].terms[0].probability is None


@pytest.mark.parametrize("risk", [0.0, 1.0, -0.1])
def test_a_risk_is_a_share(archive, encoder, risk):
    with pytest.raises(ValueError, match="risk must lie between 0 and 1"):
        search(archive, "effusion but no edema", encoder, exclude_risk=risk)
