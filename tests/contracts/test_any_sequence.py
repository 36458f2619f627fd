"""Whatever is done to an archive, in whatever order: every kind of archive then tells the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from medneg.archive import Archive, Label, NewRejection
from tests.archive.new_calibrations import FITTED, PLAIN, calibration
from tests.archive.new_images import SPACE, new_image, stamp, unit_vector
from tests.contracts.conftest import ARCHIVES, opener
from tests.contracts.observing import observe
from tests.fake_encoder import FakeEncoder

CARD = FakeEncoder().card
SECOND = FakeEncoder(name="second").card
CARDS = (CARD, replace(CARD, text_fingerprint="tuned"), SECOND)
SPACES = (SPACE, SECOND.image_fingerprint)
HERE = __file__
"""The only path that exists: a file with its content elsewhere is a copy and has not moved."""
NAMES = ("a.dcm", "B.dcm", "c.dcm", "d.dcm", "é.dcm", HERE)
CONTENTS = ("x", "xx", "yy", "zzz")
FINDINGS = ("nodule", "opacity", "effusion")
STATES = ("present", "absent", "uncertain")
STUDIES = ("study0", "study1", "study2", "content x", "content yy")

Step = Callable[[Archive], Any]
"""Does something to an archive and gives what it answers; alike on every archive."""


@pytest.fixture
def archives(request, tmp_path) -> Iterator[dict[str, Archive]]:
    """One archive of every kind that there is here."""
    with ExitStack() as stack:
        opened = {}
        for kind in ARCHIVES:
            folder = tmp_path / kind
            folder.mkdir()
            opened[kind] = stack.enter_context(stack.enter_context(opener(request, folder, kind))())
        yield opened


@pytest.mark.parametrize("seed", [1])
def test_archives_of_every_kind_tell_the_same_after_every_step(archives, seed):
    check(archives, random.Random(seed), steps=16)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_archives_of_every_kind_tell_the_same_after_many_steps(archives, seed):
    check(archives, random.Random(seed), steps=60)


def check(archives: dict[str, Archive], chance: random.Random, *, steps: int) -> None:
    paths = [stamp(name).path for name in NAMES]
    done = []
    for _ in range(steps):
        name, step = chance.choice(RULES)(chance)
        done.append(name)
        answers = {kind: answer(step, archive) for kind, archive in archives.items()}
        states = {kind: observe(archive, paths, CARDS) for kind, archive in archives.items()}
        for kind, state in states.items():
            assert answers[kind] == answers["memory"], (kind, done)
            for topic, told in states["memory"].items():
                assert state[topic] == told, (kind, topic, done)


def answer(step: Step, archive: Archive) -> Any:
    try:
        return step(archive)
    except ValueError as error:
        return str(error)


# The rules: each draws one step


def registering(chance: random.Random) -> tuple[str, Step]:
    card = replace(chance.choice(CARDS), notice=chance.choice("ABC"))
    return f"register {card.text_fingerprint}", lambda archive: archive.register(card)


def storing(chance: random.Random) -> tuple[str, Step]:
    space = chance.choice(SPACES)
    images = [drawn_image(chance) for _ in range(chance.randrange(4))]
    if chance.random() < 0.05:
        images.append(replace(drawn_image(chance), vector=np.full(16, 0.5, np.float32)))
    twins = [drawn_stamp(chance) for _ in range(chance.randrange(3))]
    rejected = [drawn_rejection(chance) for _ in range(chance.choice([0, 0, 1]))]
    told = [image.file.path for image in images], twins, rejected
    return f"store {told} in {space}", lambda archive: archive.store(
        space, images=images, twins=twins, rejected=rejected
    )


def drawn_stamp(chance: random.Random) -> Any:
    return stamp(chance.choice(NAMES), chance.choice(CONTENTS), mtime_ns=chance.randrange(9))


def drawn_image(chance: random.Random) -> Any:
    content, known = chance.choice(CONTENTS), {}
    if chance.random() < 0.5:
        known = {
            "view": chance.choice(["PA", "AP", "LATERAL"]),
            "sex": chance.choice(["F", "M"]),
            "age": chance.choice([20.5, 40.0, 80.0]),
            "study_date": chance.choice(["2019-12-31", "2020-01-01"]),
            "modality": "DX",
        }
    if chance.random() < 0.3:  # its file names nobody, so its content does
        known |= dict.fromkeys(("patient", "study", "image"), f"content {content}")
    image = new_image(chance.randrange(6), content=content, phantom=chance.random() < 0.5, **known)
    return replace(image, file=drawn_stamp(chance) if chance.random() < 0.5 else named(chance, content))


def named(chance: random.Random, content: str) -> Any:
    return stamp(chance.choice(NAMES), content)


def drawn_rejection(chance: random.Random) -> NewRejection:
    path = stamp(chance.choice(NAMES)).path
    return NewRejection(path=path, size=3, mtime_ns=7, reason=chance.choice(["broken", "no film"]))


def adding_vectors(chance: random.Random) -> tuple[str, Step]:
    space, seed = chance.choice(SPACES), chance.randrange(50)
    paths = [stamp(name).path for name in chance.sample(NAMES, 3)]

    def add(archive: Archive) -> int:
        known = archive.known_files(paths, space)
        found = [known[path].image_id for path in paths if path in known]
        ids = [image for image in found if image is not None] + [10**6]
        return archive.add_vectors(space, ids, np.stack([unit_vector(seed + k) for k in range(len(ids))]))

    return f"add vectors of {paths} to {space}", add


def labelling(chance: random.Random) -> tuple[str, Step]:
    patient = chance.choice([None, "told"])
    labels = {
        stamp(name).path: Label(
            findings=drawn_findings(chance), view=chance.choice([None, "PA"]), age=50, patient=patient
        )
        for name in chance.sample(NAMES, 2)
    }
    return f"label {labels}", lambda archive: archive.label(labels)


def reporting(chance: random.Random) -> tuple[str, Step]:
    reports = [
        (chance.choice(STUDIES), chance.choice(["Clear.", "Kein Erguss. 胸水なし"]), drawn_findings(chance))
        for _ in range(2)
    ]
    return f"report {reports}", lambda archive: archive.add_reports(reports)


def drawn_findings(chance: random.Random) -> Any:
    return {name: chance.choice(STATES) for name in chance.sample(FINDINGS, chance.randrange(3))}


def calibrating(chance: random.Random) -> tuple[str, Step]:
    card, seed = chance.choice(CARDS), chance.randrange(5)
    findings = chance.choice([(), (PLAIN,), (PLAIN, FITTED)])
    return f"calibrate {card.text_fingerprint}", lambda archive: archive.save_calibration(
        card, calibration(seed), findings
    )


def claiming(chance: random.Random) -> tuple[str, Step]:
    paths = [stamp(name).path for name in chance.sample(NAMES, 3)]
    owner, dead = chance.choice("abc"), chance.choice(["", "a", "b"])
    space, seconds = chance.choice(SPACES), chance.choice([-1, 600])
    return f"{owner} claims {paths} in {space}, dead: {dead}", lambda archive: archive.claim(
        space, paths, owner=owner, seconds=seconds, gone=lambda name: name == dead
    )


def releasing(chance: random.Random) -> tuple[str, Step]:
    owner = chance.choice("abc")
    return f"{owner} releases", lambda archive: archive.release(owner)


def searching(chance: random.Random) -> tuple[str, Step]:
    words = chance.choice(["no effusion", "Knochen – heil?", "nul\0 and half a pair \ud800"])
    return f"record {words}", lambda archive: archive.record_search(
        words, method="drc", encoder="fake", k=10, considered=0
    )


RULES = (
    *(storing,) * 8,
    *(adding_vectors, labelling, reporting) * 2,
    *(claiming,) * 3,
    *(registering, calibrating, releasing, searching),
)
"""Most steps store: that is where archives have most to agree on."""
