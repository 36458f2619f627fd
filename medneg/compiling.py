"""From a query to a plan on a certain archive: what is known of the encoder there, and what words include."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medneg.query import lexicon, refine
from medneg.scoring import (
    METHODS,
    Calibration,
    ExclusionHead,
    Expand,
    Kind,
    SpaceName,
    TextTower,
    compile_plan,
)
from medneg.scoring.plan import enter
from medneg.values import EncoderCard, Mention, Plan, Query, QueryWarning, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medneg.archive import Archive
    from medneg.archive.matrix import ScanMatrix

_KINDS = ("finding", "device")
_SAMPLE = 2000
"""Images that spreads are measured on without `medneg calibrate`; 200 gave the same answers as 2,540."""
_LEAST_SAMPLE = 20
_covariances: dict[tuple[str, bytes, SpaceName], NDArray[np.float32]] = {}
_mean_texts: dict[tuple[str, str, tuple[str, ...] | None], NDArray[np.float32]] = {}


def make_plan(
    query: Query,
    tower: TextTower,
    calibration: Calibration | None,
    *,
    method: str,
    space: SpaceName,
    head: ExclusionHead | None = None,
) -> Plan:
    """Compile a query as every search does: parents with their kinds, repairs where the method wants them.

    Args:
        query: what was asked.
        tower: belongs to the image embeddings.
        calibration: what is known of the tower on these embeddings; None if nothing is.
        method: a name in ``medneg.scoring.METHODS``.
        space: "centred" or "raw".
        head: stands behind the tower's image tower, for methods that need one.

    Raises:
        CalibrationMissing: if the method or the space needs more than the calibration says.
        HeadMissing: if the method needs a head.
    """
    if method in METHODS and METHODS[method].refines:
        query = refine(query)
    expand = expansion(tower.card)
    return compile_plan(
        query, method, tower=tower, calibration=calibration, space=space, expand=expand, head=head
    )


def known_calibration(
    archive: Archive, tower: TextTower, *, method: str, space: SpaceName
) -> tuple[Calibration | None, tuple[QueryWarning, ...]]:
    """What is known of an encoder on an archive, with a warning where the archive has changed since.

    That is what `medneg calibrate` found. Without it, what can be had at once: the means, and the covariance
    of a sample. Probabilities need the command.

    Args:
        archive: holds embeddings of the encoder.
        tower: its two fingerprints name the calibration.
        method: that a plan is wanted for, a name in ``medneg.scoring.METHODS``.
        space: that it is wanted in.
    """
    stored = archive.calibration(tower.card)
    if stored is None:
        at_once = space == "centred" or (method in METHODS and METHODS[method].needs_covariance)
        matrix = archive.matrix(tower.card.image_fingerprint)
        return _sampled(tower, matrix, space) if at_once else None, ()
    message = (
        f"The calibration of {tower.card.name} was made over {stored.embeddings:,} images and the archive "
        f"has changed since; run `medneg calibrate` again."
    )
    aged = (QueryWarning(code="stale_calibration", message=message),) if stored.stale else ()
    return stored.calibration, aged


def _sampled(tower: TextTower, matrix: ScanMatrix, space: SpaceName) -> Calibration:
    """Means, and the covariance of up to ``_SAMPLE`` images; without it where there are too few."""
    import numpy as np

    means = calibrate(tower, matrix.mean)
    key = (tower.card.image_fingerprint, matrix.mean.tobytes(), space)
    found = _covariances.get(key)
    if found is None and len(matrix) >= _LEAST_SAMPLE:
        rows = np.linspace(0, len(matrix) - 1, min(_SAMPLE, len(matrix))).astype(np.int64)
        place = Space(image_fingerprint=key[0], mean=matrix.mean if space == "centred" else None)
        images = enter(matrix.vectors[rows].astype(np.float32), place)
        found = np.cov(images, rowvar=False, bias=True).astype(np.float32)
        _covariances.clear()  # one archive at a time; the next search of another one takes a moment
        _covariances[key] = found
    return replace(means, covariance={} if found is None else {space: found})


def calibrate(tower: TextTower, mean_image: NDArray[np.float32]) -> Calibration:
    """Where the centred space of an encoder and an archive lies.

    Args:
        tower: embeds the lexicon's findings, or those that its card says it knows.
        mean_image: the mean of the archive's embeddings, shape (d,).
    """
    card = tower.card
    key = (card.text_fingerprint, card.template, card.findings)
    if key not in _mean_texts:
        words = lexicon()
        known = [
            finding.prompt
            for finding in words.findings
            if (finding.id in card.findings if card.findings is not None else finding.kind in _KINDS)
        ]
        _mean_texts[key] = tower.encode_texts([card.template.format(phrase) for phrase in known]).mean(axis=0)
    return Calibration(mean_text=_mean_texts[key], mean_image=mean_image)


def expansion(card: EncoderCard) -> Expand:
    """What a mention stands for: itself in its own words, and every finding that is a kind of it.

    Wanting *calcification* is met by a calcified granuloma, and excluding it excludes that too. Kinds that
    the encoder's card says it does not know are left out.
    """
    words = lexicon()

    def kinds(mention: Mention) -> tuple[Kind, ...]:
        if mention.finding is None or mention.finding not in words:
            return (Kind(text=mention.text),)
        own = Kind(text=mention.text, finding=mention.finding, normal=words.finding(mention.finding).normal)
        known = [
            words.finding(kind)
            for kind in words.descendants(mention.finding)
            if card.findings is None or kind in card.findings
        ]
        found = {own.text: own}
        for kind in known:
            text = " ".join((*mention.modifiers, kind.prompt))
            found.setdefault(text, Kind(text=text, finding=kind.id, normal=kind.normal))
        return tuple(found.values())

    return kinds
