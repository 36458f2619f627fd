"""The use-case of searching: words → plan → ranked, explained hits of an archive."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, cast, get_args

from medneg.archive.filters import FindingFilter, Where
from medneg.errors import ArchiveError, FilterError, SpaceMismatch, UnknownName
from medneg.query import lexicon, parse
from medneg.scoring import METHODS, Calibration, Expand, Kind, SpaceName, TextTower, compile_plan
from medneg.scoring.plan import enter
from medneg.values import (
    Contribution,
    EncoderCard,
    FindingState,
    Hit,
    Mention,
    Plan,
    Query,
    QueryWarning,
    Space,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medneg.archive import Archive
    from medneg.archive.matrix import ScanMatrix
    from medneg.archive.scan import Ranking
    from medneg.encoders import Encoder

DEFAULT_METHOD = "subtract"
DEFAULT_SPACE: SpaceName = "raw"
"""The pair that won on "A but no B" over hard pools (README); `medneg evaluate` measures it anew."""
PLAIN: tuple[str, SpaceName] = ("cosine", "raw")
"""How any CLIP search answers: the whole sentence against the embeddings as stored."""

_KINDS = ("finding", "device")
_CONDITION = re.compile(r"\s*(?P<field>[^<>=]+?)\s*(?P<sign>>=|<=|=|>|<)\s*(?P<value>[^<>=]+?)\s*")
_SAMPLE = 2000
"""Images that spreads are measured on without `medneg calibrate`; 200 gave the same answers as 2,540."""
_LEAST_SAMPLE = 20
_covariances: dict[tuple[str, bytes, SpaceName], NDArray[np.float32]] = {}
_mean_texts: dict[tuple[str, str, tuple[str, ...] | None], NDArray[np.float32]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a search found, and everything that is needed to judge it.

    Attributes:
        query: how the words were read.
        method, space: how the hits were scored; a query without negation is plain cosine whatever they say.
        card: the encoder, with its licence.
        exact: whether the hits are proved to be the best of all images considered.
        hits: best first.
        considered: how many images passed the filter.
        seconds: how long it took, encoding the words included.
        warnings: what the author of the query should know.
    """

    query: Query
    method: str
    space: SpaceName
    card: EncoderCard
    exact: bool
    hits: tuple[Hit, ...]
    considered: int
    seconds: float
    warnings: tuple[QueryWarning, ...]

    def to_json(self) -> dict[str, Any]:
        """The answer as plain values, in the shape of docs/reference/search.schema.json."""
        return {
            "query": self.query.raw,
            "method": self.method,
            "space": self.space,
            "encoder": self.card.name,
            "licence": self.card.licence,
            "exact": self.exact,
            "considered": self.considered,
            "hits": [_hit_to_json(hit) for hit in self.hits],
            "warnings": [{"code": warning.code, "message": warning.message} for warning in self.warnings],
        }


def search(
    archive: Archive,
    query: str | Query,
    encoder: Encoder,
    *,
    method: str = DEFAULT_METHOD,
    space: SpaceName = DEFAULT_SPACE,
    k: int = 10,
    where: Where | None = None,
) -> Answer:
    """Find the images that show what is wanted and not what is unwanted.

    Args:
        archive: where the images are; the search is written into its audit trail.
        query: words, or a query that is read already (a user's edited chips).
        encoder: made the archive's embeddings, or shares their image tower.
        method: a name in ``medneg.scoring.METHODS``.
        space: "centred" on the vocabulary's mean text and the archive's mean image, or "raw".
        k: how many hits, at least 1.
        where: which images may be hits; None for all.

    Returns:
        At most k hits, best first, exact over the stored float32 embeddings.

    Raises:
        QueryError: if the query is empty.
        UnknownName: if there is no such method or space.
        SpaceMismatch: if the archive was embedded by other encoders only.
        ArchiveError: if the archive holds no embeddings.
        CalibrationMissing: if the method needs what `medneg calibrate` has not measured here.
    """
    from medneg.archive.scan import top_k

    started = time.perf_counter()
    if space not in get_args(SpaceName):
        raise UnknownName("space", space, known=get_args(SpaceName))
    card = encoder.card
    read = parse(query) if isinstance(query, str) else query
    require_space(archive, card)
    matrix = archive.matrix(card.image_fingerprint)
    calibration, aged = None, ()
    if read.negated:
        calibration, aged = known_calibration(archive, encoder, method=method, space=space)
    plan = make_plan(read, encoder, calibration, method=method, space=space)
    mask = None if where is None or where.everything else archive.mask(where, matrix.ids)
    ranking = top_k(
        plan, matrix, k, mask=mask, fetch=lambda ids: archive.vectors(card.image_fingerprint, ids.tolist())
    )
    considered = len(matrix) if mask is None else int(mask.sum())
    archive.record_search(read.raw, method=method, encoder=card.name, k=k, considered=considered)
    hits, doubts = _hits(archive, plan, ranking, card)
    return Answer(
        query=read,
        method=method,
        space=space,
        card=card,
        exact=ranking.exact,
        hits=hits,
        considered=considered,
        seconds=time.perf_counter() - started,
        warnings=read.warnings + plan.warnings + aged + doubts,
    )


def make_plan(
    query: Query, tower: TextTower, calibration: Calibration | None, *, method: str, space: SpaceName
) -> Plan:
    """Compile a query as every search does: parents with their kinds.

    Args:
        query: what was asked.
        tower: belongs to the image embeddings.
        calibration: what is known of the tower on these embeddings; None if nothing is.
        method: a name in ``medneg.scoring.METHODS``.
        space: "centred" or "raw".

    Raises:
        CalibrationMissing: if the method or the space needs more than the calibration says.
    """
    expand = expansion(tower.card)
    return compile_plan(query, method, tower=tower, calibration=calibration, space=space, expand=expand)


def known_calibration(
    archive: Archive, encoder: Encoder, *, method: str, space: SpaceName
) -> tuple[Calibration | None, tuple[QueryWarning, ...]]:
    """What is known of an encoder on an archive, with a warning where the archive has changed since.

    That is what `medneg calibrate` found. Without it, what can be had at once: the means, and the covariance
    of a sample. Probabilities need the command.

    Args:
        archive: holds embeddings of the encoder.
        encoder: its two fingerprints name the calibration.
        method: that a plan is wanted for, a name in ``medneg.scoring.METHODS``.
        space: that it is wanted in.
    """
    stored = archive.calibration(encoder.card)
    if stored is None:
        at_once = space == "centred" or (method in METHODS and METHODS[method].needs_covariance)
        matrix = archive.matrix(encoder.card.image_fingerprint)
        return _sampled(encoder, matrix, space) if at_once else None, ()
    message = (
        f"The calibration of {encoder.card.name} was made over {stored.embeddings:,} images and the archive "
        f"has changed since; run `medneg calibrate` again."
    )
    aged = (QueryWarning(code="stale_calibration", message=message),) if stored.stale else ()
    return stored.calibration, aged


def _sampled(encoder: Encoder, matrix: ScanMatrix, space: SpaceName) -> Calibration:
    """Means, and the covariance of up to ``_SAMPLE`` images; without it where there are too few."""
    import numpy as np

    means = calibrate(encoder, matrix.mean)
    key = (encoder.card.image_fingerprint, matrix.mean.tobytes(), space)
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


def by_mention(query: Query, terms: Sequence[Contribution]) -> tuple[Contribution, ...]:
    """Sum what a plan's terms say of an image by mention, in the order of the query's words.

    An unwanted parent has a term for each of its kinds; people see what the whole mention took. Terms that
    belong to no mention come last; uncertain mentions take no part in a score.
    """
    summed = []
    for mention in query.affirmed + query.negated:
        own = [term.value for term in terms if term.mention == mention]
        if own:
            summed.append(Contribution(label=mention.text, value=sum(own), mention=mention))
    return (*summed, *(term for term in terms if term.mention is None))


def require_space(archive: Archive, card: EncoderCard) -> None:
    """Refuse an encoder whose image tower did not embed the archive.

    Raises:
        ArchiveError: if nothing is embedded yet.
        SpaceMismatch: if other encoders did.
    """
    spaces = [space for space in archive.spaces() if space.count]
    if not spaces:
        raise ArchiveError(
            "the archive holds no embedded images yet; "
            "bring some in with `medneg ingest PATH --archive ARCHIVE`"
        )
    if card.image_fingerprint not in {space.image_fingerprint for space in spaces}:
        held = ", ".join(f"{space.name} ({space.count:,} images)" for space in spaces)
        raise SpaceMismatch(
            f"the archive has no embeddings of the encoder {card.name}; it holds those of: {held}. "
            f"Search with one of these, or run `medneg ingest PATH --archive ARCHIVE --encoder {card.name}`"
        )


def _hits(
    archive: Archive, plan: Plan, ranking: Ranking, card: EncoderCard
) -> tuple[tuple[Hit, ...], tuple[QueryWarning, ...]]:
    """The ranked images with their paths and explanations, and doubts about this encoder on them."""
    images = archive.images(ranking.ids.tolist())
    hits = tuple(
        Hit(
            rank=rank,
            image_id=image.id,
            image=image.path,
            score=float(score),
            terms=tuple(
                Contribution(label=term.label, value=float(value), mention=term.mention)
                for term, value in zip(plan.terms, parts, strict=True)
            ),
        )
        for rank, (image, score, parts) in enumerate(
            zip(images, ranking.scores, ranking.contributions, strict=True), start=1
        )
    )
    unfit = card.name == "phantom" and not all(image.phantom for image in images)
    return hits, (QueryWarning(code="not_a_phantom", message=card.notice),) if unfit else ()


def _hit_to_json(hit: Hit) -> dict[str, Any]:
    terms = [
        {
            "label": term.label,
            "value": term.value,
            "mention": term.mention and term.mention.text,
            "polarity": term.mention and term.mention.polarity,
        }
        for term in hit.terms
    ]
    return {"rank": hit.rank, "image": hit.image, "score": hit.score, "terms": terms}


def parse_where(text: str) -> Where:
    """Read a filter such as ``view=PA|AP, age>=60, date<2024-01-01, effusion=present``.

    Conditions stand between commas and all must hold; ``|`` separates alternatives. Fields are ``view``,
    ``sex``, ``age`` (years), ``date`` (ISO) and ``modality``; any other is a finding's name, whose state is
    ``present``, ``absent`` or ``uncertain``. A finding includes its kinds: *calcification* is present where
    a calcified granuloma is.

    Raises:
        FilterError: if a condition cannot be read, or names an unknown field or value.

    Example:
        >>> parse_where("view=PA, age>=60").age_min
        60.0
    """
    where: dict[str, Any] = {"findings": ()}
    for part in filter(str.strip, text.split(",")):
        found = _CONDITION.fullmatch(part)
        if found is None:
            raise FilterError(f"a condition looks like view=PA or age>=60; got {part.strip()!r}")
        field, sign, value = found["field"].lower(), found["sign"], found["value"]
        if field in ("age", "date"):
            bounds = _age_bounds(sign, value) if field == "age" else _date_bounds(sign, value)
            for end, limit in bounds.items():
                narrower = max if end in ("min", "from") else min
                where[f"{field}_{end}"] = narrower(limit, where.get(f"{field}_{end}", limit))
        elif sign != "=":
            raise FilterError(f"{sign} works for age and date only; got {part.strip()!r}")
        elif field in ("view", "sex", "modality"):
            name = {"view": "views", "sex": "sexes", "modality": "modalities"}[field]
            where[name] = tuple(choice.strip().upper() for choice in value.split("|"))
        else:
            where["findings"] += (_finding_filter(found["field"], value),)
    return Where(**where)


def _finding_filter(name: str, state: str) -> FindingFilter:
    words = lexicon()
    finding = words.resolve(name)
    if finding is None:
        raise FilterError(
            f"unknown field {name!r}; choose view, sex, age, date, modality or a finding such as effusion"
        )
    return FindingFilter(
        ids=(finding, *words.descendants(finding)), state=cast("FindingState", state.lower())
    )


def _age_bounds(sign: str, value: str) -> dict[str, float]:
    try:
        age = float(value)
    except ValueError:
        raise FilterError(f"age is a number of years; got {value!r}") from None
    below, above = math.nextafter(age, -math.inf), math.nextafter(age, math.inf)
    return {
        ">=": {"min": age},
        "<=": {"max": age},
        ">": {"min": above},
        "<": {"max": below},
        "=": {"min": age, "max": age},
    }[sign]


def _date_bounds(sign: str, value: str) -> dict[str, str]:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise FilterError(f"date looks like 2024-01-31; got {value!r}") from None
    after, before = (day + timedelta(days=1)).isoformat(), (day - timedelta(days=1)).isoformat()
    return {
        ">=": {"from": day.isoformat()},
        "<=": {"to": day.isoformat()},
        ">": {"from": after},
        "<": {"to": before},
        "=": {"from": day.isoformat(), "to": day.isoformat()},
    }[sign]
