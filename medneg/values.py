"""The words that all rooms share: frozen values that check themselves.

Nothing here computes. Arrays are NumPy's; their shapes are in the docstrings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

Polarity = Literal["affirmed", "negated", "uncertain"]
Strength = Literal["strong", "moderate", "weak"]
Origin = Literal["lexicon", "fuzzy", "unknown", "implied", "language_model", "user"]
Reason = Literal["explicit", "normality", "history", "differential", "exception"]
FindingState = Literal["present", "absent", "uncertain"]
FilterField = Literal["view", "sex", "age", "date", "modality"]
Span = tuple[int, int]

VIEWS = ("PA", "AP", "LATERAL")
SEXES = ("F", "M", "O")

GREY_SCALE_CHAIN = "grey-scale-1"
"""The version of the steps in ``medneg.dicom`` from stored values to pixels; a change of them changes it."""


def _require(value: object, allowed: object, what: str) -> None:
    if value not in get_args(allowed):
        raise ValueError(f"{what} must be one of {', '.join(get_args(allowed))}; got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """One finding that the words name, and what they say of it.

    Attributes:
        text: the phrase for a text encoder, modifiers included ("left pleural effusion").
        polarity: whether it is wanted (affirmed), unwanted (negated) or neither (uncertain).
        finding: its id in the lexicon ("pleural_effusion"), or None for a phrase the lexicon lacks.
        modifiers: side, size and place words, in the order in which they are read.
        strength: how firmly it is negated; set for negated mentions only.
        cue: the words that gave the polarity ("but no"), as they stand in the query.
        cue_span, span: offsets of the cue and of the phrase in the raw query, ``raw[start:end]``.
        origin: how the phrase was found; "fuzzy" after a typo repair, "implied" by a statement of
            normality, "language_model" when a language model chose it, "user" when it was edited by hand.
        corrected_from: the misspelt words that were repaired, or None.
        reason: why it has its polarity.
    """

    text: str
    polarity: Polarity
    finding: str | None = None
    modifiers: tuple[str, ...] = ()
    strength: Strength | None = None
    cue: str | None = None
    cue_span: Span | None = None
    span: Span | None = None
    origin: Origin = "lexicon"
    corrected_from: str | None = None
    reason: Reason = "explicit"

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("a Mention needs words; its text is empty")
        _require(self.polarity, Polarity, "polarity")
        _require(self.origin, Origin, "origin")
        _require(self.reason, Reason, "reason")
        if (self.polarity == "negated") != (self.strength is not None):
            raise ValueError(
                f"strength is set for negated mentions and only for them; "
                f"got {self.strength!r} with polarity {self.polarity!r}"
            )
        if self.strength is not None:
            _require(self.strength, Strength, "strength")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryWarning:
    """Something about the reading of a query that its author should see."""

    code: str
    message: str
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFilter:
    """A condition on a header field that stands in the query's words: ``view:PA``, ``age:>60``.

    Attributes:
        field: which field it speaks of.
        text: what the field must be, as it was written behind the colon (">60").
        span: offsets of the whole filter in the raw query.
    """

    field: FilterField
    text: str
    span: Span

    def __post_init__(self) -> None:
        _require(self.field, FilterField, "a filter's field")
        if not self.text.strip():
            raise ValueError(f"a filter on {self.field} needs a value; its text is empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """Words of a query that were not understood as they stand, and what they are taken for.

    Attributes:
        original: the words as they were typed.
        better: the words that they are read as.
        span: offsets of ``original`` in the raw query.
        confidence: how likely the repair is right, in [0, 1], judged by the words alone.
    """

    original: str
    better: str
    span: Span
    confidence: float

    def __post_init__(self) -> None:
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"a Repair's confidence lies in [0, 1]; got {self.confidence!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a sentence asks for: findings wanted, unwanted and left open.

    ``counterfactuals`` holds one sentence per negated mention, in the same order: the wanted findings
    together with that one ("effusion and calcification"). ``filters`` are conditions on the image's header.
    ``parser`` says who read the sentence: "grammar", or the name of a language model. ``repairs`` are filled
    in by ``medneg.query.refine`` alone, for methods that weigh what was typed against what was read.
    """

    raw: str
    affirmed: tuple[Mention, ...] = ()
    negated: tuple[Mention, ...] = ()
    uncertain: tuple[Mention, ...] = ()
    counterfactuals: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    filters: tuple[FieldFilter, ...] = ()
    warnings: tuple[QueryWarning, ...] = ()
    needs_review: bool = False
    parser: str = "grammar"
    repairs: tuple[Repair, ...] = ()

    def __post_init__(self) -> None:
        for polarity in get_args(Polarity):
            for mention in getattr(self, polarity):
                if mention.polarity != polarity:
                    raise ValueError(
                        f"{mention.text!r} is {mention.polarity} but stands among the {polarity} mentions"
                    )
        if len(self.counterfactuals) != len(self.negated):
            raise ValueError(
                f"a Query needs one counterfactual per negated mention; "
                f"got {len(self.counterfactuals)} for {len(self.negated)}"
            )

    @property
    def mentions(self) -> tuple[Mention, ...]:
        """All mentions: wanted, then unwanted, then uncertain."""
        return self.affirmed + self.negated + self.uncertain

    @property
    def sentence(self) -> str:
        """The words without their filters, for a text encoder; the raw words where there is no filter.

        Where filters are all there is, it is "chest x-ray": every image answers to that.

        Example:
            >>> filters = (FieldFilter(field="view", text="PA", span=(9, 16)),)
            >>> Query(raw="effusion view:PA", filters=filters).sentence
            'effusion'
        """
        return self._said({each.span: " " for each in self.filters})

    @property
    def mended(self) -> str:
        """The sentence with its repairs."""
        repaired = {each.span: each.better for each in self.repairs}
        return self._said({each.span: " " for each in self.filters} | repaired)

    def _said(self, edits: Mapping[Span, str]) -> str:
        if not edits:
            return self.raw
        words, position = [], 0
        for (start, end), better in sorted(edits.items()):
            words += [self.raw[position:start], better]
            position = end
        words.append(self.raw[position:])
        said = " ".join("".join(words).split()).strip(" ,;")
        return said or "chest x-ray"


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Response r(z) = weight · z."""

    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Repulsion:
    """Response r(z) = −weight · relu(z − bias), with weight ≥ 0: it only ever takes away."""

    weight: float
    bias: float = 0.0

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise ValueError(f"a repulsion's weight must be >= 0; got {self.weight!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProbability:
    """Response r(z) = log σ(slope · z + intercept): the log of a calibrated probability.

    With a slope above 0 it is the probability that a finding is there, with one below 0 that it is not.
    """

    slope: float
    intercept: float = 0.0


Response = Linear | Repulsion | LogProbability


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Space:
    """The embedding space that a plan's directions live in.

    Attributes:
        image_fingerprint: which image tower and preprocessing made the image embeddings.
        mean: shape (d,), what is subtracted from each unit image embedding before it is normalised
            again; None for the raw space.
    """

    image_fingerprint: str
    mean: NDArray[float32] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Term:
    """One summand of a score: a direction, shape (d,), and the response to the image's projection on it.

    ``mention`` is the mention it argues for or against; None when it speaks for the whole sentence.
    ``label`` names the term for people.
    """

    direction: NDArray[float32]
    response: Response
    label: str
    mention: Mention | None = None

    def __post_init__(self) -> None:
        if self.direction.ndim != 1:
            raise ValueError(f"a term's direction must have shape (d,); got {self.direction.shape}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """All that a ranking needs to know: s(x) = Σₖ rₖ(x·vₖ) over unit image embeddings x of ``space``."""

    terms: tuple[Term, ...]
    space: Space
    warnings: tuple[QueryWarning, ...] = ()

    def __post_init__(self) -> None:
        if not self.terms:
            raise ValueError("a Plan needs at least one term; got none")
        widths = {term.direction.shape[0] for term in self.terms}
        if len(widths) != 1:
            raise ValueError(f"all directions of a Plan must be equally long; got lengths {sorted(widths)}")

    @property
    def width(self) -> int:
        """d, the length of the directions."""
        return int(self.terms[0].direction.shape[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """What one term of the plan added to (positive) or took from (negative) a hit's score.

    ``probability`` is that of the finding its mention names, whichever way it argues; None where the archive
    has no calibration that tells it.
    """

    label: str
    value: float
    mention: Mention | None = None
    probability: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One image of an answer; ``score`` is the sum of its contributions.

    Attributes:
        rank: 1 for the best.
        image_id: the image's key in the archive.
        image: the file's path as it was ingested.
    """

    rank: int
    image_id: int
    image: str
    score: float
    terms: tuple[Contribution, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """The picture that an image tower wants: a square of ``size`` pixels, grey values in [0, 1].

    The radiograph's aspect ratio is kept: its long side is resized to ``size`` and the rest is black.
    ``chain`` names the grey-scale chain that made the pixels, so that embeddings made by another one
    are never mixed with these.
    """

    size: int
    interpolation: Literal["bilinear", "bicubic", "area"] = "bicubic"
    chain: str = GREY_SCALE_CHAIN

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"an input's size must be at least 1 pixel; got {self.size}")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderCard:
    """What must be known of a dual encoder wherever its results appear.

    Attributes:
        name: how the registry calls it.
        width: d, the length of its embeddings.
        input: the picture that its image tower wants.
        image_fingerprint: names the image tower's weights and the input; embeddings are kept under it.
        text_fingerprint: names the text tower's weights and tokenizer.
        licence: the weights' licence, by its SPDX id where it has one.
        notice: one sentence on what the model may and may not be used for.
        template: how a finding becomes a sentence for this model, with one ``{}``.
        findings: the lexicon ids it was trained to know; None when its vocabulary is open.
    """

    name: str
    width: int
    input: InputSpec
    image_fingerprint: str
    text_fingerprint: str
    licence: str
    notice: str
    template: str = "{}"
    findings: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Radiograph:
    """A projection radiograph without anything personal.

    Attributes:
        pixels: float32, shape (rows, columns), in [0, 1], bone bright.
        patient, study, image: keyed pseudonyms of the DICOM identifiers.
        view: "PA", "AP", "LATERAL" or None when the file does not say.
        sex: "F", "M", "O" or None.
        age: in years, or None.
        study_date: ISO date, or None.
        modality: DICOM Modality ("DX", "CR"), or None.
        grey_scale: the steps that made the pixels, in words, in their order.
        header: other header fields that are not personal, by DICOM keyword.
        phantom: True when the file says that it is a procedural phantom.
    """

    pixels: NDArray[float32]
    patient: str
    study: str
    image: str
    view: str | None = None
    sex: str | None = None
    age: float | None = None
    study_date: str | None = None
    modality: str | None = None
    grey_scale: str = ""
    header: Mapping[str, str] = field(default_factory=dict)
    phantom: bool = False

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or 0 in self.pixels.shape:
            raise ValueError(f"a radiograph has shape (rows, columns); got {self.pixels.shape}")
        if self.pixels.dtype.name != "float32":
            raise ValueError(f"a radiograph's pixels are float32; got {self.pixels.dtype.name}")
