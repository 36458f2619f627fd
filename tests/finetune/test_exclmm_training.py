"""ExclMM's two stages on a few made-up images: what is learnt from, resumed, written, and asked."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from finetune.application import TrainingError
from finetune.cli import app
from finetune.embedded import Embedded
from finetune.exclmm.captions import EACH, joined, shown, write_captions, write_quadruples
from finetune.exclmm.learning import Learning
from finetune.exclmm.recipe import Recipe, as_printed
from finetune.exclmm.run import Training
from finetune.exclmm.stages import lessons, query_of
from finetune.exclmm.texts import Reader
from medneg import encoders
from medneg.archive import Archive, Label
from medneg.compiling import make_plan
from medneg.encoders.heads import WEIGHTS, load_head
from medneg.evaluation.truth import Truth, related
from medneg.scoring.plan import score
from tests.fake_encoder import FakeEncoder
from tests.test_embedding import new_image

FINDINGS = ("pleural_effusion", "pneumothorax", "calcified_granuloma")
ENCODER = FakeEncoder()
TINY = Recipe(
    base="fake",
    width=24,
    kept=6,
    word_steps=4,
    epochs=1,
    batch=16,
    quadruples=20,
    exclusion_steps=4,
    exclusion_batch=8,
)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def gallery(images=64, seed=0):
    """Images whose first axes are their findings, and nothing else but noise; two images a person."""
    rng = np.random.default_rng(seed)
    present = rng.random((images, 3)) < 0.5
    vectors = rng.normal(size=(images, ENCODER.card.width)).astype(np.float32) / 4
    vectors[:, :3] += 2 * present - 1
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    truth = Truth(findings=FINDINGS, present=present, absent=~present, patients=np.arange(images) // 2)
    return Embedded(vectors=vectors, truth=truth, concepts=(*FINDINGS, "calcification"))


DATA = gallery()


def training(folder, recipe=TINY, data=DATA, encoder=ENCODER):
    return Training(folder, recipe, data, Reader(encoder, folder))


def test_captions_claim_nothing_that_their_own_image_lacks():
    captions, there = write_captions(DATA, seed=1), shown(DATA)
    assert len(captions.texts) == EACH * len(DATA)
    assert not (captions.claims & ~there[captions.rows]).any()
    assert (captions.claims.any(axis=1) == DATA.truth.present[captions.rows].any(axis=1)).all()
    assert write_captions(DATA, seed=1).texts == captions.texts != write_captions(DATA, seed=2).texts


def test_quadruples_follow_exclucocos_recipe():
    quadruples, there = write_quadruples(DATA, 300, seed=1), shown(DATA)
    assert len(quadruples) == 300
    columns = {concept: column for column, concept in enumerate(DATA.concepts)}
    for each in quadruples:
        wanted, unwanted = ([columns[one] for one in part] for part in (each.wanted, each.unwanted))
        assert there[each.image, wanted + unwanted].all()
        assert there[np.ix_(each.answers, wanted)].all()
        assert not there[np.ix_(each.answers, unwanted)].any()
        assert not any(related(one, other) for one in each.wanted for other in each.unwanted)
        assert all(word in each.positive and word in each.exclusion for word in each.called)
    assert {len(each.wanted) for each in quadruples} == {len(each.unwanted) for each in quadruples} == {1, 2}


def test_quadruples_need_images_that_differ():
    with pytest.raises(ValueError, match="no image shows two findings of which another image shows one"):
        write_quadruples(DATA.rows(DATA.truth.present.sum(axis=1) < 2), 5, seed=0)


def test_things_are_joined_as_people_do():
    assert [joined(list("abc")[:n], "or") for n in (1, 2, 3)] == ["a", "a or b", "a, b or c"]


def test_a_phase_that_stopped_ends_with_the_same_weights(tmp_path):
    def phase(name):
        torch.manual_seed(0)
        module = torch.nn.Linear(3, 1)

        def loss(rng):
            return (
                (module(torch.from_numpy(rng.standard_normal((4, 3)).astype(np.float32))) - 1).square().mean()
            )

        return module, Learning(tmp_path / name / "phase.pt", module, loss, steps=9, rate=0.1, seed=2)

    whole, learning = phase("whole")
    learning.run()
    _, learning = phase("parts")
    learning.run(until=4)
    resumed, learning = phase("parts")
    assert learning.step == 4
    seen = []
    learning.run(progress=lambda *at: seen.append(at))
    assert seen == [(done, 9) for done in range(5, 10)]
    assert torch.equal(whole.weight, resumed.weight)


def test_an_interrupt_is_passed_on_after_saving(tmp_path):
    module = torch.nn.Linear(3, 1)

    def loss(rng):
        if learning.step == 2:
            raise KeyboardInterrupt
        return module.weight.square().sum()

    learning = Learning(tmp_path / "phase.pt", module, loss, steps=9, rate=0.1)
    with pytest.raises(KeyboardInterrupt):
        learning.run()
    assert Learning(tmp_path / "phase.pt", module, loss, steps=9, rate=0.1).step == 2


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exclmm") / "run"
    return folder, training(folder).head("medneg-finetune exclmm …")


def test_a_run_writes_a_head_that_loads(trained):
    folder, head = trained
    loaded = load_head(str(folder), ENCODER.card)
    assert loaded.code_fingerprint == head.code_fingerprint
    assert all(np.array_equal(loaded.tensors[name], head.tensors[name]) for name in head.tensors)
    assert (loaded.card.name, loaded.card.base, loaded.card.kept) == ("run", "fake", 6)
    assert loaded.card.licence == ENCODER.card.licence
    assert loaded.card.lineage == (
        "base fake, text tower fake-text-16",
        "trained by ExclMM, seed 0: medneg-finetune exclmm …",
    )


def test_a_finished_run_does_nothing_again_and_a_lost_head_is_written_again(trained):
    folder, head = trained
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.pt")}
    (folder / "head" / WEIGHTS).unlink()
    again = training(folder).head("again")
    assert again.code_fingerprint == head.code_fingerprint
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*.pt")} == before
    assert {path.name for path in before} == {"words.pt", "stage1.pt", "clauses.pt", "sentence.pt"}


def test_a_run_in_another_folder_is_the_same_to_the_last_bit(trained, tmp_path):
    again = training(tmp_path / "run").head("medneg-finetune exclmm …")
    assert all(np.array_equal(again.tensors[name], trained[1].tensors[name]) for name in again.tensors)


def test_other_numbers_images_or_words_are_refused(trained):
    folder, _ = trained
    with pytest.raises(TrainingError, match=r"a run with other numbers \(seed 0, not 1\)"):
        training(folder, replace(TINY, seed=1))
    with pytest.raises(TrainingError, match="learnt from other images, labels or words"):
        training(folder, data=gallery(seed=1))
    with pytest.raises(TrainingError, match="learnt from other images, labels or words"):
        training(folder, encoder=FakeEncoder(name="other"))


def test_the_text_tower_reads_each_sentence_once(tmp_path):
    class Counting(FakeEncoder):
        read = 0

        def encode_texts(self, texts):
            self.read += len(texts)
            return super().encode_texts(texts)

    encoder = Counting()
    reader = Reader(encoder, tmp_path)
    reader.read(["effusion", "no effusion", "effusion"])
    rows = reader.encode_texts(["effusion"])
    assert encoder.read == 2
    assert np.array_equal(Reader(encoder, tmp_path).encode_texts(["effusion"])[0], rows[0])
    assert encoder.read == 2


def test_clauses_are_heard_in_training_as_they_are_in_a_search(trained):
    folder, head = trained
    run = training(folder)
    quadruples = write_quadruples(DATA, TINY.quadruples, seed=TINY.seed)
    codes = head.encode_images(DATA.vectors)
    given = lessons(DATA, quadruples, codes, head, run.reader, "clauses")
    module = run.exclusion(head, "clauses")
    refined = module(*map(torch.from_numpy, given.exclusion)).detach().numpy()
    for row, each in enumerate(quadruples[:5]):
        plan = make_plan(
            query_of(each, denied=True), run.reader, None, method="exclmm", space="raw", head=head
        )
        asked = score(plan, codes)
        want = codes @ refined[row]
        np.testing.assert_allclose(asked / np.linalg.norm(asked), want / np.linalg.norm(want), atol=2e-3)


def test_lessons_know_which_images_answer(trained):
    folder, head = trained
    quadruples = write_quadruples(DATA, 6, seed=0)
    for form in ("clauses", "sentence"):
        given = lessons(
            DATA, quadruples, head.encode_images(DATA.vectors), head, training(folder).reader, form
        )
        assert [np.flatnonzero(row).tolist() for row in given.fits] == [
            q.answers.tolist() for q in quadruples
        ]
        assert given.shown.tolist() == [each.image for each in quadruples]
    assert not given.exclusion[1].any()


def test_every_ablation_trains(tmp_path):
    for name, recipe in {
        "printed": as_printed(TINY),
        "triplet": replace(TINY, triplet=0.0),
        "contrast": replace(TINY, contrast=0.0),
        "mask": replace(TINY, masked=False),
    }.items():
        training(tmp_path / name, recipe).head("")
    raw = training(tmp_path / "raw", replace(TINY, raw=True)).raw_head()
    assert raw.refine(DATA.vectors[0]).shape == (16,)
    assert [part.shape for part in raw.weigh(DATA.vectors[0], DATA.vectors[1])] == [(16,), (16,)]


@pytest.fixture
def archive(tmp_path, monkeypatch):
    monkeypatch.setattr(encoders, "load", lambda *names: ENCODER)
    data = gallery(240)
    with Archive.open(tmp_path / "archive", create=True) as store:
        store.register(ENCODER.card)
        images = [new_image(k, vector) for k, vector in enumerate(data.vectors)]
        store.store(ENCODER.card.image_fingerprint, images=images)
        for k, row in enumerate(data.truth.present):
            states = {f: "present" if there else "absent" for f, there in zip(FINDINGS, row, strict=True)}
            store.label({f"/films/{k}.dcm": Label(findings=states)})
    return str(tmp_path / "archive")


SMALL = ["--width", "24", "--kept", "6", "--epochs", "1", "--steps", "3", "--quadruples", "20"]


def invoke(*arguments):
    done = CliRunner().invoke(app, ["exclmm", *arguments, *SMALL])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_trains_stage_by_stage_and_tells_what_it_learnt(archive, tmp_path):
    named = ["--archive", archive, "--out", str(tmp_path / "run")]
    first = invoke(*named, "--stage", "1")
    assert "codes of 24 dimensions" in first
    assert "go on with --stage 2" in first
    report = json.loads((tmp_path / "run" / "stage1.json").read_text())
    assert {row["finding"] for row in report["findings"]} == set(FINDINGS)
    assert (tmp_path / "run" / "dimensions.svg").read_text().startswith("<svg ")
    second = invoke(*named)
    assert f"the head is in {tmp_path / 'run' / 'head'}" in second.replace("\n", "")
    assert load_head(str(tmp_path / "run"), ENCODER.card).width == 24


def test_the_ablation_prints_a_row_for_each_training(archive, tmp_path):
    out = invoke("--archive", archive, "--out", str(tmp_path / "all"), "--ablate", "--test-archive", archive)
    told = json.loads((tmp_path / "all" / "ablation.json").read_text())
    names = list(dict.fromkeys(row["name"] for row in told["rows"]))
    assert names == [
        "default, base",
        "cosine, base",
        "stage 1 alone, dimensions suppressed",
        "ExclMM",
        "losses as printed (τ = 1)",
        "without the triplet loss",
        "without the contrast",
        "without the caption mask",
        "on raw embeddings",
    ]
    assert all(name in out for name in names)
    assert told["images"] == 240


def test_numbers_that_no_recipe_may_have_are_told_in_one_line(archive, tmp_path):
    done = CliRunner().invoke(app, ["exclmm", "--archive", archive, "--out", str(tmp_path), "--kept", "900"])
    assert "kept must lie in 1 to 512" in str(done.exception)
