"""Which model answers and how it scores: text towers, methods, and the address that names both."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import shutil

import pytest
from typer.testing import CliRunner

from app import answers
from medneg import encoders, scoring, search
from medneg.archive import Archive
from medneg.cli import app
from medneg.embedding import derive_codes
from medneg.encoders.text_towers import CARD, WEIGHTS, TextTowerCard
from medneg.errors import UnknownName
from medneg.search import DEFAULT_METHOD
from tests.app.seen import QUERY, html_of
from tests.toy_head import toy_head


@pytest.fixture
def tuned(page, encoder, tmp_path, monkeypatch):
    """The page with a tuned tower that its operator named; what was loaded, in order."""
    folder = tmp_path / "some where" / "text_tower"
    folder.mkdir(parents=True)
    card = TextTowerCard(
        name="mine",
        base="fake",
        image_fingerprint=encoder.card.image_fingerprint,
        licence="CC-BY-NC-4.0",
        notice="Not for sale.",
        lineage=("base fake", "tuned by con2, seed 0: medneg-finetune con2 --out somewhere"),
    )
    (folder / CARD).write_text(json.dumps(dataclasses.asdict(card)), encoding="utf-8")
    (folder / WEIGHTS).write_bytes(b"")
    monkeypatch.setenv("MEDNEG_TEXT_ENCODERS", json.dumps([str(folder.parent)]))
    hearing = copy.copy(encoder)
    hearing.card = dataclasses.replace(
        encoder.card, name="fake+mine", text_fingerprint="mine", licence=card.licence, notice=card.notice
    )
    loaded = []

    def load(name, text_encoder=None):
        loaded.append((name, text_encoder))
        return hearing if text_encoder else encoder

    monkeypatch.setattr(encoders, "load", load)
    return page, loaded, folder


def test_a_tower_of_another_model_is_not_offered(page):
    test = page(q=QUERY)
    assert [card.name for card in encoders.text_towers()] == ["phantom-neg"]
    assert "text" not in [box.key for box in test.selectbox]


def test_a_tuned_tower_answers_under_its_own_licence(tuned):
    page, loaded, folder = tuned
    test = page(q=QUERY)
    assert test.selectbox(key="text").options == ["as published", "mine"]
    assert loaded == [("fake", None)]
    test.selectbox(key="text").select("mine").run()
    assert not test.exception
    assert loaded[-1] == ("fake", str(folder))
    shown = html_of(test)
    assert "Model <b>fake+mine</b> (CC-BY-NC-4.0). Not for sale." in shown
    assert "tuned by con2, seed 0 · CC-BY-NC-4.0" in shown
    assert "somewhere" not in shown
    assert test.session_state["answers"]["chosen"][1].card.name == "fake+mine"


def test_a_link_names_a_tower_but_never_a_folder(tuned):
    page, loaded, folder = tuned
    assert page(q=QUERY, text="mine").selectbox(key="text").value == "mine"
    loaded.clear()
    test = page(q=QUERY, text=str(folder))
    assert test.selectbox(key="text").value == "as published"
    assert {text_encoder for _, text_encoder in loaded} <= {None}


def test_plain_clip_has_the_tower_that_it_was_published_with(tuned):
    page, _, _ = tuned
    test = page(q=QUERY, text="mine", compare="true")
    answers = test.session_state["answers"]
    assert answers["chosen"][1].card.name == "fake+mine"
    assert (answers["plain"][1].card.name, answers["plain"][1].method) == ("fake", "cosine")


def test_two_towers_of_one_name_are_told_apart(tuned, monkeypatch, tmp_path):
    page, _, folder = tuned
    twin = tmp_path / "twin"
    twin.mkdir()
    for name in (CARD, WEIGHTS):
        (twin / name).write_bytes((folder / name).read_bytes())
    monkeypatch.setenv("MEDNEG_TEXT_ENCODERS", json.dumps([str(folder), str(twin), str(folder)]))
    assert page(q=QUERY).selectbox(key="text").options == ["as published", "mine", "mine 2"]


def test_a_tower_that_is_gone_is_told(page, monkeypatch):
    monkeypatch.setenv("MEDNEG_TEXT_ENCODERS", json.dumps(["/nowhere/at/all"]))
    test = page(q=QUERY)
    assert not test.exception
    assert "/nowhere/at/all" in test.error[0].value


def test_a_tuned_phantom_raises_the_alarm_on_other_images_too(tuned, encoder, monkeypatch):
    page, _, _ = tuned
    phantom = copy.copy(encoder)
    phantom.card = dataclasses.replace(encoder.card, name="phantom+mine")
    monkeypatch.setattr(encoders, "load", lambda name, text_encoder=None: phantom)
    assert "no phantom" in page(q="clear lungs", text="mine").error[0].value


def test_every_method_is_offered_with_what_it_does_and_costs(page):
    test = page(q=QUERY)
    choice = test.radio(key="method")
    assert choice.options[0] == DEFAULT_METHOD
    assert set(choice.options) == {name for name, each in scoring.METHODS.items() if not each.needs_head}
    assert list(choice.proto.captions) == [scoring.METHODS[name].summary for name in choice.options]
    assert scoring.METHODS[DEFAULT_METHOD].summary in [caption.value for caption in test.caption]


def test_a_method_is_chosen_by_hand_or_by_the_address(page):
    test = page(q=QUERY)
    test.radio(key="method").set_value("drc").run()
    assert test.session_state["answers"]["chosen"][1].method == "drc"
    assert page(q=QUERY, method="rotate").session_state["answers"]["chosen"][1].method == "rotate"
    assert page(q=QUERY, method="magic").radio(key="method").value == DEFAULT_METHOD


def test_methods_in_the_codes_of_a_head_are_offered_where_the_archive_holds_them(
    page, encoder, archive_folder, tmp_path, monkeypatch
):
    head = toy_head(encoder.card)
    monkeypatch.setattr(encoders, "head_for", lambda card: head)
    monkeypatch.setattr(answers, "head_for", lambda card: head)
    monkeypatch.setattr(search, "head_for", lambda card: head)
    assert "exclmm" not in page(q=QUERY).radio(key="method").options
    copied = shutil.copytree(archive_folder, tmp_path / "archive")
    with Archive.open(copied) as store:
        derive_codes(store, encoder.card, head)
    monkeypatch.setenv("MEDNEG_ARCHIVE", str(copied))
    test = page(q=QUERY, method="exclmm", space="centred", image="6", k="10")
    assert not test.exception
    assert test.session_state["answers"]["chosen"][1].method == "exclmm"
    assert test.session_state["answers"]["chosen"][1].space == "raw"  # codes know no other
    assert set(test.radio(key="method").options) == set(scoring.METHODS)
    assert test.selectbox(key="encoder").options == ["fake"]
    assert "Method exclmm." in html_of(test)


def test_the_command_hands_the_operators_folders_over(tuned, archive_folder, monkeypatch):
    _, _, folder = tuned
    told = {}
    monkeypatch.setattr(os, "execve", lambda path, command, environment: told.update(environment))
    asked = ["ui", "--archive", str(archive_folder), "--no-browser", "--reports", "kept here"]
    ran = CliRunner().invoke(app, [*asked, "--text-encoder", str(folder.parent)])
    assert ran.exit_code == 0
    assert told["MEDNEG_ARCHIVE"] == str(archive_folder)
    assert json.loads(told["MEDNEG_TEXT_ENCODERS"]) == [str(folder.resolve())]
    assert told["MEDNEG_REPORTS"] == "kept here"
    ran = CliRunner().invoke(app, [*asked, "--text-encoder", "/nowhere/at/all"])
    assert isinstance(ran.exception, UnknownName)
