"""A query as vectors: every phrase that a method needs, encoded in one call and placed in one space."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from medneg.scoring.calibration import Calibration
from medneg.scoring.mixtures import SMALLEST_NORM, Mixture, Phrase, cosine, unit
from medneg.values import EncoderCard, Mention, Query, QueryWarning

ANCHOR = "chest x-ray"
"""What is wanted when a query only says what is not: a sentence that is true of every image."""

INSEPARABLE = {"raw": 0.95, "centred": 0.80}
"""Text cosines from which on two findings count as one for the encoder, with and without centring.

Raw: where medical text towers put even *effusion* and *no effusion*. Centred: an unwanted phrase this close
takes four fifths of itself from what is wanted (docs/explanation/one-plan.md).
"""

Need = Literal["sentence", "wanted", "unwanted", "counterfactuals"]
Expand = Callable[[Mention], Sequence[str]]
"""The phrases that a mention stands for: its own words first, then those of the findings it includes."""

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """What a method sees of a query: the phrases that it said it needs.

    Attributes:
        phrases: ``sentence``: the raw words; ``wanted``: one phrase per wanted mention, or the anchor;
            ``unwanted``: one per unwanted mention and per finding that it includes; ``counterfactuals``:
            for each unwanted phrase the sentence "wanted and unwanted" of its mention.
        nothing_wanted: whether the query only says what is not.
        warnings: what the author of the query should know.
    """

    phrases: Mapping[Need, tuple[Phrase, ...]]
    nothing_wanted: bool
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
    needs: Sequence[Need],
    *,
    tower: TextTower,
    centre: Calibration | None,
    expand: Expand,
) -> Reading:
    """Encode what a method needs of a query, in one call of the tower.

    Uncertain mentions are neither wanted nor unwanted. Of a mention that is both, only the wish counts, and
    a warning says so.

    Args:
        query: what was asked.
        needs: the parts to encode.
        tower: encodes the phrases, in its own template.
        centre: holds the means to centre on; None for the raw space.
        expand: the phrases that a mention stands for.
    """
    lines = {
        need: found for need, found in _lines(query, tower.card.template, expand).items() if need in needs
    }
    texts = tuple(dict.fromkeys(text for part in lines.values() for line in part for text in line.texts))
    vectors = dict(zip(texts, _place(encode(tower, texts), centre), strict=True))
    phrases = {need: tuple(_speak(line, vectors) for line in part) for need, part in lines.items()}
    phrases |= {"unwanted": _apportion(phrases["unwanted"])} if "unwanted" in phrases else {}
    warnings: tuple[QueryWarning, ...] = ()
    if "unwanted" in phrases:
        limit = INSEPARABLE["raw" if centre is None else "centred"]
        warnings = _contradictions(query) + _confusions(phrases, limit, tower.card.name)
    return Reading(phrases=phrases, nothing_wanted=not query.affirmed, warnings=warnings)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A phrase before it is encoded; several texts are averaged."""

    label: str
    texts: tuple[str, ...]
    mention: Mention | None = None


def _lines(query: Query, template: str, expand: Expand) -> dict[Need, tuple[_Line, ...]]:
    wanted = tuple(
        _Line(label=mention.text, texts=tuple(map(template.format, expand(mention))), mention=mention)
        for mention in query.affirmed
    )
    said = {text for line in wanted for text in line.texts}
    unwanted, counterfactuals = [], []
    for mention, opposite in zip(query.negated, query.counterfactuals, strict=True):
        for phrase in () if _contradicted(mention, query) else expand(mention):
            text = template.format(phrase)
            if text not in said:  # an image is asked for it, or pushed away from it, once
                said.add(text)
                unwanted.append(_Line(label=f"not {phrase}", texts=(text,), mention=mention))
                both = (template.format(opposite),)
                counterfactuals.append(_Line(label=f"not {opposite}", texts=both, mention=mention))
    return {
        "sentence": (_Line(label="whole sentence", texts=(query.sentence,)),),
        "wanted": wanted or (_Line(label=ANCHOR, texts=(ANCHOR,)),),
        "unwanted": tuple(unwanted),
        "counterfactuals": tuple(counterfactuals),
    }


def _place(vectors: NDArray[np.float32], centre: Calibration | None) -> NDArray[np.float64]:
    """Text embeddings in the plan's space: u(t − mean text) where it is centred."""
    rows = vectors.astype(np.float64)
    return rows if centre is None else np.stack([_unit(row - centre.mean_text) for row in rows])


def _speak(line: _Line, vectors: Mapping[str, NDArray[np.float64]]) -> Phrase:
    mean = np.mean([vectors[text] for text in line.texts], axis=0)
    return Phrase(
        vector=mean if len(line.texts) == 1 else _unit(mean), label=line.label, mention=line.mention
    )


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


def _contradicted(mention: Mention, query: Query) -> bool:
    """Whether a mention is also wanted, with the same modifiers."""
    meant = (mention.finding or mention.text.lower(), mention.modifiers)
    return meant in {(other.finding or other.text.lower(), other.modifiers) for other in query.affirmed}


def _contradictions(query: Query) -> tuple[QueryWarning, ...]:
    if any(warning.code == "contradiction" for warning in query.warnings):
        return ()  # the parser has said so
    return tuple(
        QueryWarning(
            code="contradiction",
            message=f"The query both asks for and excludes “{mention.text}”; it is not excluded.",
            span=mention.span,
        )
        for mention in query.negated
        if _contradicted(mention, query)
    )


def _confusions(
    phrases: Mapping[Need, tuple[Phrase, ...]], limit: float, encoder: str
) -> tuple[QueryWarning, ...]:
    """Warn of each wanted and unwanted phrase that are nearly one for this encoder."""
    found = []
    for wanted in phrases.get("wanted", ()):
        for unwanted in phrases["unwanted"]:
            alike = cosine({wanted: 1.0}, {unwanted: 1.0})
            if wanted.mention is not None and alike >= limit:
                words = f"“{wanted.label}” from “{unwanted.label.removeprefix('not ')}”"
                message = (
                    f"The encoder {encoder} can hardly tell {words} (their texts have cosine {alike:.2f}): "
                    f"excluding the one pushes the other away too."
                )
                found.append(QueryWarning(code="inseparable", message=message, span=wanted.mention.span))
    return tuple(found)
