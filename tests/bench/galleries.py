"""Galleries for timing searches: embeddings as encoders make them, and queries about what they show."""

from dataclasses import dataclass

import numpy as np

from medneg.archive.matrix import ScanMatrix
from medneg.scoring import Calibration, Curve, compile_plan
from medneg.values import EncoderCard, InputSpec, Mention, Query

WIDTH, FINDINGS, PATIENTS = 512, 14, 300
BLOCK = 20_000


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


class World:
    """A cone, clusters, a decaying spectrum, and a part for each finding."""

    def __init__(self):
        draw = np.random.default_rng(0)
        drawn = draw.standard_normal((2 + 2 * FINDINGS + PATIENTS, WIDTH), dtype=np.float32)
        drawn /= np.float32(np.sqrt(WIDTH))
        self.axis, self.text_axis = drawn[:2]
        self.parts, self.text_parts, self.patients = np.split(drawn[2:], [FINDINGS, 2 * FINDINGS])
        self.parts[1::2] += 0.4 * self.parts[::2]
        spectrum = 1 / np.sqrt(1 + np.arange(64, dtype=np.float32))
        basis = np.linalg.qr(draw.standard_normal((WIDTH, 64)))[0].T
        self.shapes = 0.35 * (spectrum / np.linalg.norm(spectrum))[:, None] * basis.astype(np.float32)
        self.prevalence = np.linspace(0.03, 0.3, FINDINGS)

    def images(self, count, seed):
        """Unit rows (count, d) and which findings they show, (count, findings)."""
        draw = np.random.default_rng(seed)
        shown = draw.random((count, FINDINGS)) < self.prevalence
        severity = (shown * draw.lognormal(0, 0.4, shown.shape)).astype(np.float32)
        rows = self.axis + 0.25 * severity @ self.parts
        rows += 0.3 * self.patients[draw.integers(0, PATIENTS, count)]
        rows += draw.standard_normal((count, 64), dtype=np.float32) @ self.shapes
        rows += 0.3 * draw.standard_normal((count, WIDTH), dtype=np.float32) / np.sqrt(np.float32(WIDTH))
        return unit(rows), shown


class Tower:
    """Texts in a narrow cone of their own, each leaning to the findings whose numbers it names."""

    card = EncoderCard(
        name="bench",
        width=WIDTH,
        input=InputSpec(size=1),
        image_fingerprint="bench",
        text_fingerprint="bench",
        licence="",
        notice="",
    )

    def __init__(self, world):
        self.world = world

    def encode_texts(self, texts):
        named = [[int(word) for word in text.split() if word.isdigit()] for text in texts]
        world = self.world
        own = [sum((world.parts[j] + 0.3 * world.text_parts[j] for j in some), 0.0) for some in named]
        return unit(np.stack([1.2 * world.text_axis + part for part in own]))


@dataclass(frozen=True)
class Gallery:
    truth: np.ndarray
    matrix: ScanMatrix
    tower: Tower
    calibration: Calibration


def make_gallery(folder, count):
    world = World()
    tower = Tower(world)
    truth = np.memmap(folder / "truth.f32", np.float32, "w+", shape=(count, WIDTH))
    shown = np.empty((count, FINDINGS), bool)
    for start in range(0, count, BLOCK):
        place = slice(start, min(start + BLOCK, count))
        truth[place], shown[place] = world.images(place.stop - start, seed=start + 1)
    blocks = (truth[start : start + BLOCK] for start in range(0, count, BLOCK))
    matrix = ScanMatrix.write(folder, ids=range(count), blocks=blocks, stamp="", width=WIDTH)
    return Gallery(truth, matrix, tower, calibrated(tower, truth[:BLOCK], shown[:BLOCK], matrix.mean))


def calibrated(tower, images, shown, mean_image):
    """What `medneg calibrate` would find on labelled images (m, d)."""
    texts = tower.encode_texts([f"finding {j}" for j in range(FINDINGS)])
    means = {"mean_text": texts.mean(axis=0), "mean_image": mean_image}
    curves = {
        "raw": fit(images @ texts.T, shown),
        "centred": fit(unit(images - mean_image) @ unit(texts - means["mean_text"]).T, shown),
    }
    return Calibration(**means, curves=curves)


def fit(projections, shown):
    """P(finding | projection) when the projections of both kinds of images are normal with one variance."""
    curves = {}
    for j in range(FINDINGS):
        with_it, without = projections[shown[:, j], j], projections[~shown[:, j], j]
        variance = (with_it.var() * len(with_it) + without.var() * len(without)) / len(projections)
        slope = float((with_it.mean() - without.mean()) / variance)
        prior = float(np.log(len(with_it) / len(without)))
        intercept = prior - slope * float(with_it.mean() + without.mean()) / 2
        curves[str(j)] = Curve(
            slope=slope, intercept=intercept, present=len(with_it), absent=len(without), error=0.0
        )
    return curves


def ask(wanted, *unwanted):
    """The query "finding ``wanted`` but no …"."""
    affirmed = (Mention(text=f"finding {wanted}", polarity="affirmed", finding=str(wanted)),)
    negated = tuple(
        Mention(text=f"finding {j}", polarity="negated", strength="strong", finding=str(j)) for j in unwanted
    )
    opposites = tuple(f"finding {wanted} and {j}" for j in unwanted)
    return Query(raw=f"finding {wanted}", affirmed=affirmed, negated=negated, counterfactuals=opposites)


def plans(gallery, turn=0):
    """Plain cosine, and plans of two and of six terms with every kind of response, in both spaces.

    Another turn asks for another finding and excludes others; there are ``FINDINGS`` turns.
    """
    tower, known = gallery.tower, gallery.calibration
    wanted, *unwanted = ((finding + turn) % FINDINGS for finding in (0, 5, 1, 7, 9, 12))
    made = {"plain": compile_plan(ask(wanted), "cosine", tower=tower)}
    for space in ("raw", "centred"):
        for method in ("subtract", "drc", "log-odds"):
            for query, terms in ((ask(wanted, unwanted[0]), ""), (ask(wanted, *unwanted), ", five excluded")):
                if method == "drc" and terms:
                    continue
                plan = compile_plan(query, method, tower=tower, calibration=known, space=space)
                made[f"{method} {space}{terms}"] = plan
    return made
