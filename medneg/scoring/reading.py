"""A query as vectors: every phrase that a method needs, encoded in one call and placed in one space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from medneg.scoring.calibration import Calibration, Curve, SpaceName
from medneg.scoring.doubts import confusions, contradictions
from medneg.scoring.mixtures import SMALLEST_NORM, Mixture, Phrase, unit
from medneg.scoring.sentences import NORMAL, Expand, Line, Need, lines_of, said
from medneg.scoring.spread import Spread, spread_of
from medneg.values import EncoderCard, Query, QueryWarning

_KEPT = 256
_encoded: dict[tuple[str, tuple[str, ...]], NDArray[np.float32]] = {}


class TextTower(Protocol):
    """The half of a dual encoder that scoring needs."""

    @property
    def card(self) -> EncoderCard:
        """Fingerprints and the template that makes a sentence of a phrase."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit rows, shape (t, d)."""
        ...


class ExclusionHead(Protocol):
    """What ExclMM needs of a trained head behind an image tower; see ``medneg.encoders.heads``."""

    @property
    def code_fingerprint(self) -> str:
        """Names the space of the image codes."""
        ...

    def encode_texts(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sparse codes (t, d') of text embeddings (t, d), unit rows without a negative number."""
        ...

    def refine(self, code: NDArray[np.float32]) -> NDArray[np.float32]:
        """The exclusion encoder on a whole sentence's code, (d',) to a unit vector (d',)."""
        ...

    def weigh(
        self, wanted: NDArray[np.float32], unwanted: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What each dimension of the wanted and of the unwanted code counts, (d',) each."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """Where a query is read.

    Attributes:
        tower: encodes the phrases.
        calibration: what is known of the tower on the archive, if anything.
        space: which space the phrases are placed in.
        expand: what a mention stands for.
        head: makes codes of the tower's embeddings, if a method asked for that.
    """

    tower: TextTower
    calibration: Calibration | None
    space: SpaceName
    expand: Expand
    head: ExclusionHead | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What a method sees of a query: the phrases that it said it needs.

    Attributes:
        phrases: ``sentence``: the raw words; ``wanted``: one phrase per wanted mention, or the anchor;
            ``unwanted``: one per unwanted mention and per finding that it includes; ``counterfactuals``:
            for each unwanted phrase the sentence "wanted and unwanted" of its mention.
        nothing_wanted: whether the query only says what is not.
        space: that the phrases are in.
        spread: of scores over the archive, where it is known.
        curves: probabilities of findings, by lexicon id, where they are known.
        encoder: its name.
        head: makes codes of the phrases, if there is one.
        warnings: what the author of the query should know.
    """

    phrases: Mapping[Need, tuple[Phrase, ...]]
    nothing_wanted: bool
    space: SpaceName = "raw"
    spread: Spread | None = None
    curves: Mapping[str, Curve] = field(default_factory=dict)
    encoder: str = ""
    head: ExclusionHead | None = None
    warnings: tuple[QueryWarning, ...] = ()

    @property
    def sentence(self) -> Mixture:
        """The raw words as they were typed."""
        return {self.phrases["sentence"][0]: 1.0}

    @property
    def wanted(self) -> Mixture:
        """a, the normalised mean of the wanted phrases; each counts equally."""
        return unit({phrase: 1.0 for phrase in self.phrases["wanted"]})

    @property
    def unwanted(self) -> tuple[Phrase, ...]:
        """n₁, n₂, …: what no hit should show."""
        return self.phrases["unwanted"]

    @property
    def counterfactuals(self) -> tuple[Phrase, ...]:
        """The opposite of the query, once for each unwanted phrase."""
        return self.phrases["counterfactuals"]


def read(
    query: Query,
    setting: Setting,
    needs: Sequence[Need],
    *,
    templates: Sequence[str] = (),
    normals: bool = False,
) -> Reading:
    """Encode what a method needs of a query, in one call of the tower.

    Uncertain mentions are neither wanted nor unwanted. Of a mention that is both, only the wish counts, and
    a warning says so.

    Args:
        query: what was asked.
        setting: the tower, what is known of it, and the space.
        needs: the parts to encode.
        templates: sentences to average a phrase over, with one ``{}`` each, beside the tower's own.
        normals: whether each phrase needs its normal counterpart.
    """
    card = setting.tower.card
    forms = tuple(dict.fromkeys((card.template, *templates)))
    lines = {need: part for need, part in lines_of(query, forms, setting.expand).items() if need in needs}
    phrases = _encode_lines(lines, setting, forms if normals else ())
    spread = spread_of(setting.calibration, setting.space)
    warnings: tuple[QueryWarning, ...] = ()
    if "unwanted" in phrases:
        phrases["unwanted"] = _apportion(phrases["unwanted"])
        doubted = (phrases.get("wanted", ()), phrases["unwanted"])
        warnings = contradictions(query) + confusions(
            *doubted, spread=spread, space=setting.space, encoder=card.name
        )
    known = setting.calibration
    return Reading(
        phrases=phrases,
        nothing_wanted=not query.affirmed,
        space=setting.space,
        spread=spread,
        curves=known.curves.get(setting.space, {}) if known else {},
        encoder=card.name,
        head=setting.head,
        warnings=warnings,
    )


def encode(tower: TextTower, texts: tuple[str, ...]) -> NDArray[np.float32]:
    """Embed sentences, or remember them: a chip that is clicked off and on again costs nothing.

    A whole call is remembered, not single sentences, because a tower may round a sentence differently in
    other company, and plain cosine promises every bit.
    """
    key = (tower.card.text_fingerprint, texts)
    rows = _encoded.get(key)
    if rows is None:
        if len(_encoded) >= _KEPT:
            _encoded.clear()
        rows = _encoded[key] = tower.encode_texts(texts)
    return rows


def _encode_lines(
    lines: Mapping[Need, tuple[Line, ...]], setting: Setting, normal_forms: tuple[str, ...]
) -> dict[Need, tuple[Phrase, ...]]:
    """Speak every line; with ``normal_forms`` each phrase gets its normal counterpart too."""
    healthy = said(normal_forms, [NORMAL])
    every = [text for part in lines.values() for line in part for text in line.texts]
    every += [text for part in lines.values() for line in part for text in line.normals if normal_forms]
    every += [text for part in lines.values() for line in part for text in line.typed]
    texts = tuple(dict.fromkeys([*every, *healthy]))
    placed = _place(encode(setting.tower, texts), setting)
    vectors = dict(zip(texts, placed, strict=True))
    return {need: tuple(_speak(line, vectors, healthy) for line in part) for need, part in lines.items()}


def _place(vectors: NDArray[np.float32], setting: Setting) -> NDArray[np.float64]:
    """Text embeddings in the plan's space: u(t − mean text) where it is centred."""
    rows = vectors.astype(np.float64)
    if setting.space == "raw" or setting.calibration is None:
        return rows
    return np.stack([_unit(row - setting.calibration.mean_text) for row in rows])


def _speak(line: Line, vectors: Mapping[str, NDArray[np.float64]], healthy: tuple[str, ...]) -> Phrase:
    vector = _mean(line.texts, vectors)
    if line.typed:
        # A wrong repair cannot take over: what was typed keeps the share that it may be wrong.
        vector = _unit(line.trust * vector + (1 - line.trust) * _mean(line.typed, vectors))
    return Phrase(
        vector=vector,
        label=line.label,
        mention=line.mention,
        finding=line.finding,
        normal=_opposite(vector, line, vectors, healthy) if healthy else None,
    )


def _opposite(
    vector: NDArray[np.float64],
    line: Line,
    vectors: Mapping[str, NDArray[np.float64]],
    healthy: tuple[str, ...],
) -> NDArray[np.float64]:
    """A phrase's own normal counterpart or a normal film: whichever lies farther from the phrase.

    A tower that hears the *ribs* in "intact ribs" puts it next to "rib fracture", and as a counterpart it
    would find fractures.
    """
    choices = [_mean(texts, vectors) for texts in (line.normals, healthy) if texts]
    return min(choices, key=lambda choice: float(choice @ vector))


def _mean(texts: Sequence[str], vectors: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    rows = [vectors[text] for text in texts]
    return rows[0] if len(rows) == 1 else _unit(np.mean(rows, axis=0))


def _apportion(phrases: tuple[Phrase, ...]) -> tuple[Phrase, ...]:
    """Give each phrase of a mention the share 1/Σⱼ max(nᵢ·nⱼ, 0) over the mention's phrases, itself included.

    Phrases at right angles count fully, for an image may show any one of them; m phrases that say the same
    count once, not m times.
    """
    shared = []
    for phrase in phrases:
        kin = [other for other in phrases if other.mention == phrase.mention]
        overlap = sum(max(float(phrase.vector @ other.vector), 0.0) for other in kin)
        shared.append(replace(phrase, share=min(1.0, 1 / max(overlap, SMALLEST_NORM))))
    return tuple(shared)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    norm = np.linalg.norm(vector)
    return vector / norm if norm > SMALLEST_NORM else np.zeros_like(vector)
