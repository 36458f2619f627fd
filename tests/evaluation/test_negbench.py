"""NegBench's tables, on a miniature that is made here."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from medneg import cli, encoders
from medneg.errors import ManifestError, QueryError, UnreadableImage
from medneg.evaluation.negbench import Caption, read_caption, read_table
from medneg.evaluation.photographs import embed, find, grey
from medneg.evaluation.published import run_table
from medneg.values import EncoderCard, InputSpec

OBJECTS = ("dog", "cat", "bus")


class Stripes:
    """Sees in which thirds of a picture it is bright; reads which objects a text names, "no" unheard."""

    def __init__(self):
        self.card = EncoderCard(
            name="stripes",
            width=4,
            input=InputSpec(size=12, interpolation="area"),
            image_fingerprint="stripes",
            text_fingerprint="stripes",
            licence="Apache-2.0",
            notice="For tests.",
        )

    def encode_images(self, pixels):
        thirds = pixels.reshape(len(pixels), 12, 3, 4).mean(axis=(1, 3))
        return self._unit(np.hstack([thirds, np.full((len(pixels), 1), 0.2)]))

    def encode_texts(self, texts):
        return self._unit(np.array([[*(name in text for name in OBJECTS), 0.2] for text in texts]))

    @staticmethod
    def _unit(rows):
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def paint(path, *shown):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((12, 12, 3), np.uint8)
    for name in shown:
        pixels[:, OBJECTS.index(name) * 4 : OBJECTS.index(name) * 4 + 4] = 255
    Image.fromarray(pixels).save(path)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    paint(folder / "val2017/1.png", "dog")
    paint(folder / "val2017/2.png", "dog", "cat")
    paint(folder / "val2017/3.png", "cat", "bus")
    paint(folder / "val2017/4.png", "bus")
    for frame in range(6):
        paint(folder / f"video7/{frame}.png", *(("dog",) if frame < 3 else ("bus",)))
    return folder


def write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def retrieval(tmp_path):
    rows = [
        {
            "positive_objects": "['dog']",
            "negative_objects": "['cat', 'bus']",
            "filepath": "data/coco/val2017/1.png",
            "image_id": 1,
            "captions": "['A dog but no cat']",
        },
        {
            "positive_objects": "['bus']",
            "negative_objects": "['cat']",
            "filepath": "data/coco/val2017/4.png",
            "image_id": 4,
            "captions": "['There is no cat by the bus.', 'A bus']",
        },
        {
            "positive_objects": "['dog', 'cat']",
            "negative_objects": "[]",
            "filepath": "data/coco/val2017/2.png",
            "image_id": 2,
            "captions": "['a dog and a cat']",
        },
        {
            "positive_objects": "['cat', 'bus']",
            "negative_objects": "[]",
            "filepath": "data/coco/val2017/3.png",
            "image_id": 3,
            "captions": "['a cat on a bus']",
        },
    ]
    return write(tmp_path / "retrieval.csv", rows)


@pytest.fixture
def choice(tmp_path):
    rows = [
        {
            "correct_answer": 0,
            "caption_0": "a dog but no cat",
            "caption_1": "a cat but no dog",
            "caption_2": "a cat",
            "caption_3": "no dog",
            "correct_answer_template": "hybrid",
            "image_path": "data/val2017/1.png",
        },
        {
            "correct_answer": 1,
            "caption_0": "a dog",
            "caption_1": "a bus",
            "caption_2": "",
            "caption_3": "",
            "correct_answer_template": "positive",
            "image_path": "data/val2017/4.png",
        },
    ]
    return write(tmp_path / "mcq.csv", rows)


def figures(report, method, space="raw"):
    return next(row.figures for row in report.rows if (row.method, row.space) == (method, space))


def test_retrieval_ranks_the_one_right_picture(retrieval, images):
    report = run_table(read_table(retrieval), images, Stripes(), how="gold")
    assert (report.task, report.pictures, report.questions) == ("retrieval", 4, 5)
    ours, plain = figures(report, "subtract"), figures(report, "cosine")
    assert ours["recall@1"].value == 1.0
    assert ours["rank"].value == 1.0
    # "a dog but no cat" finds the dog with the cat, "no cat by the bus" the cat on the bus
    assert plain["recall@1"].value == pytest.approx(3 / 5)
    assert plain["recall@5"].value == 1.0
    assert ("log-odds", "raw") in {(method, space) for method, space, _ in report.left_out}


def test_choices_are_right_when_the_right_caption_scores_highest(choice, images):
    report = run_table(read_table(choice), images, Stripes(), how="real")
    assert report.task == "choice"
    assert {row.space for row in report.rows} == {"raw"}
    assert figures(report, "subtract")["accuracy"].value == 1.0
    assert figures(report, "subtract")["hybrid"].n == 1
    assert figures(report, "affirmed-only")["positive"].value == 1.0


def test_options_that_tie_share_the_point(tmp_path, images):
    row = {"correct_answer": 0, "caption_0": "a dog", "caption_1": "the dog", "image_path": "val2017/1.png"}
    report = run_table(read_table(write(tmp_path / "t.csv", [row])), images, Stripes())
    assert figures(report, "cosine")["accuracy"].value == 0.5


def test_a_video_is_the_mean_of_four_of_its_frames(images):
    assert [file.name for file in find("videos/video7.mp4", images)] == ["0.png", "1.png", "3.png", "5.png"]
    (row,) = embed(["video7"], images, Stripes())
    assert np.linalg.norm(row) == pytest.approx(1.0)
    assert row[0] == pytest.approx(row[2])


def test_the_longest_end_of_a_name_is_taken_and_never_left_the_folder(images, tmp_path):
    assert find("/data/../val2017/1.png", images) == [images / "val2017/1.png"]
    outside = tmp_path / "outside.png"
    paint(outside, "dog")
    with pytest.raises(UnreadableImage, match="no picture"):
        find(f"../{tmp_path.name}/outside.png", images)


def test_colours_are_seen_in_grey_and_damage_is_named(images, tmp_path):
    spec = Stripes().card.input
    assert grey(images / "val2017/1.png", spec)[0].tolist() == [1.0] * 4 + [0.0] * 8
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(UnreadableImage, match=r"bad\.png cannot be decoded"):
        grey(tmp_path / "bad.png", spec)


def test_msr_vtt_names_its_concepts_in_columns(tmp_path):
    row = {
        "image_id": "video7",
        "captions": "['a dog, no bus']",
        "positive_concept1": "dog",
        "positive_concept2": "cat",
        "negative_concept": "bus",
    }
    (item,) = read_table(write(tmp_path / "v.csv", [row])).items
    assert item.captions == (Caption(words="a dog, no bus", wanted=("dog",), unwanted=("bus",)),)


def test_gold_needs_a_table_that_knows(choice, images):
    assert read_caption(Caption(words="x", wanted=("dog",), unwanted=("cat",)), "gold").counterfactuals == (
        "dog and cat",
    )
    with pytest.raises(QueryError, match="does not say which objects"):
        run_table(read_table(choice), images, Stripes(), how="gold")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"a": 1}, "is no table of NegBench: it needs filepath"),
        ({"filepath": "1.png", "captions": "not a list"}, r"line 2: captions must be a list such as"),
        ({"filepath": "1.png", "captions": "[1]"}, "must be a list of texts"),
        ({"filepath": "1.png", "captions": "[]"}, "it has no captions"),
        ({"filepath": "", "captions": "['a']"}, "it names no picture"),
        ({"image_path": "1.png", "caption_0": "a", "correct_answer": "0"}, "needs two captions"),
        (
            {"image_path": "1", "caption_0": "a", "caption_1": "b", "correct_answer": "2"},
            "must be 0 to 1",
        ),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path, row, message):
    with pytest.raises(ManifestError, match=message):
        read_table(write(tmp_path / "t.csv", [row]))


def test_a_table_that_is_not_there_or_empty_says_so(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read as a CSV file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("filepath,captions\n")
    with pytest.raises(ManifestError, match="holds no questions"):
        read_table(tmp_path / "empty.csv")


def test_the_command_prints_a_row_for_each_method(retrieval, images, monkeypatch):
    monkeypatch.setattr(encoders, "load", lambda *names: Stripes())
    command = ["negbench", str(retrieval), "--images", str(images), "--parse", "gold"]
    shown = CliRunner().invoke(cli.app, command, env={"COLUMNS": "160"})
    assert shown.exit_code == 0, shown.output
    assert "subtract, centred" in shown.output
    written = json.loads(CliRunner().invoke(cli.app, [*command, "--json"]).stdout)
    assert written["task"] == "retrieval"
