"""The use-case of searching: words → plan → ranked, explained hits of an archive."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast, get_args

from medneg.archive.filters import FindingFilter, Where
from medneg.archive.indexes import AUTOMATIC
from medneg.chances import query_chances
from medneg.compiling import expansion, known_calibration, make_plan
from medneg.encoders import head_for
from medneg.errors import ArchiveError, FilterError, SpaceMismatch, UnknownName
from medneg.hits import explained_hits, hit_to_json, unfit
from medneg.promises import Promise, promise
from medneg.query import Condition, lexicon, parse, read_condition, refine
from medneg.scoring import METHODS, SpaceName, TextTower
from medneg.values import (
    Contribution,
    EncoderCard,
    FilterField,
    FindingState,
    Hit,
    Query,
    QueryWarning,
)

if TYPE_CHECKING:
    from medneg.adaptation import Session
    from medneg.archive import Archive
    from medneg.encoders import Encoder, Head

DEFAULT_METHOD = "subtract"
DEFAULT_SPACE: SpaceName = "raw"
"""The pair that won on "A but no B" over hard pools (README); `medneg evaluate` measures it anew."""
PLAIN: tuple[str, SpaceName] = ("cosine", "raw")
"""How any CLIP search answers: the whole sentence against the embeddings as stored."""

_PLURALS = {"view": "views", "sex": "sexes", "modality": "modalities"}
_CONDITION = re.compile(r"\s*(?P<field>[^<>=]+?)\s*(?P<sign>>=|<=|=|>|<)\s*(?P<value>[^<>=]+?)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a search found, and everything that is needed to judge it.

    Attributes:
        query: how the words were read.
        method, space: how the hits were scored; a query without negation is plain cosine whatever they say.
        card: the encoder, with its licence.
        exact: whether the hits are proved to be the best of all images considered.
        index: the way the search went, for people.
        hits: best first.
        considered: how many images passed the filter, and the promise where one was asked for.
        seconds: how long it took, encoding the words included.
        warnings: what the author of the query should know.
        promise: how few of the images considered carry what was excluded; None if it was not asked for.
    """

    query: Query
    method: str
    space: SpaceName
    card: EncoderCard
    exact: bool
    index: str
    hits: tuple[Hit, ...]
    considered: int
    seconds: float
    warnings: tuple[QueryWarning, ...]
    promise: Promise | None = None

    def to_json(self) -> dict[str, Any]:
        """The answer as plain values, in the shape of docs/reference/search.schema.json."""
        return {
            "query": self.query.raw,
            "method": self.method,
            "space": self.space,
            "encoder": self.card.name,
            "licence": self.card.licence,
            "exact": self.exact,
            "index": self.index,
            "considered": self.considered,
            "promise": self.promise and self.promise.to_json(),
            "hits": [hit_to_json(hit) for hit in self.hits],
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
    exclude_risk: float | None = None,
    head: Head | None = None,
    session: Session | None = None,
    index: str = AUTOMATIC,
    who: str | None = None,
) -> Answer:
    """Find the images that show what is wanted and not what is unwanted.

    Args:
        archive: where the images are; the search is written into its audit trail.
        query: words, or a query that is read already (a user's edited chips).
        encoder: made the archive's embeddings, or shares their image tower.
        method: a name in ``medneg.scoring.METHODS``.
        space: "centred" on the vocabulary's mean text and the archive's mean image, or "raw".
        k: how many hits, at least 1.
        where: which images may be hits, beside the filters in the query's own words; None for all.
        exclude_risk: let through only images of which at most this share, in (0, 1), carries what is
            excluded (docs/explanation/promises.md); None for no such promise.
        head: for a method that works in a head's codes; None for the one that ships for the encoder.
        session: learns from the query and answers it with what it learned; None for the encoder as it is.
        index: a name in ``medneg.archive.indexes.KINDS``, or "auto" for the one that suits the archive.
        who: the reader whom a service has signed in, for the audit trail; it keeps a keyed pseudonym. None
            for the account that runs this process.

    Returns:
        At most k hits, best first, with scores exact over the stored float32 embeddings.

    Raises:
        PromiseError: if the archive's labels do not support the promise.
        QueryError: if the query is empty.
        FilterError: if ``where`` and the query's filters cannot both hold.
        UnknownName: if there is no such method, space or index.
        SpaceMismatch: if the archive was embedded by other encoders only, or the session follows another.
        ArchiveError: if the archive holds no embeddings, or no codes of the head.
        CalibrationMissing: if the method needs what `medneg calibrate` has not measured here.
        HeadMissing: if the method needs a head and none ships for the encoder.
    """
    started = time.perf_counter()
    if space not in get_args(SpaceName):
        raise UnknownName("space", space, known=get_args(SpaceName))
    card = encoder.card
    read = parse(query) if isinstance(query, str) else query
    if method in METHODS and METHODS[method].refines:
        read = refine(read)
    require_space(archive, card)
    calibration, aged = known_calibration(archive, encoder, method=method, space=space)
    if head is None and method in METHODS and METHODS[method].needs_head:
        head = head_for(card)
    tower = encoder if session is None else _follow(session, card, read)
    plan = make_plan(read, tower, calibration, method=method, space=space, head=head)
    chances = query_chances(read, encoder, calibration, space=space, expand=expansion(card))
    wanted, promised, among = narrow(where, read), None, None
    if exclude_risk is not None:
        promised, among = promise(
            archive, card.image_fingerprint, read, chances, risk=exclude_risk, where=wanted
        )
    scanned = plan.space.image_fingerprint
    if head is not None and scanned == head.code_fingerprint:
        aged += _lacking_codes(archive, head, card)
    found = archive.indexes(scanned).open(index).search(plan, k, where=wanted, among=among)
    archive.record_search(
        read.raw, method=method, encoder=card.name, k=k, considered=found.considered, who=who
    )
    hits, images = explained_hits(archive, read, plan, found.ranking, chances)
    return Answer(
        query=read,
        method=method,
        space=space,
        card=card,
        exact=found.ranking.exact,
        index=found.how,
        hits=hits,
        considered=found.considered,
        seconds=time.perf_counter() - started,
        warnings=read.warnings + plan.warnings + aged + unfit(card, images),
        promise=promised,
    )


def by_mention(query: Query, terms: Sequence[Contribution]) -> tuple[Contribution, ...]:
    """Sum what a plan's terms say of an image by mention, in the order of the query's words.

    An unwanted parent has a term for each of its kinds; people see what the whole mention took. Terms that
    belong to no mention come last; uncertain mentions take no part in a score.
    """
    summed = []
    for mention in query.affirmed + query.negated:
        own = [term for term in terms if term.mention == mention]
        if own:
            value, chance = sum(term.value for term in own), own[0].probability
            summed.append(Contribution(label=mention.text, value=value, mention=mention, probability=chance))
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


def _follow(session: Session, card: EncoderCard, query: Query) -> TextTower:
    """The session's text tower after it has learned from a query."""
    if session.card != card:
        raise SpaceMismatch(
            f"the session follows the text tower of {session.card.name}, not that of {card.name}; "
            "make one for each encoder"
        )
    return session.learn([query])


def _lacking_codes(archive: Archive, head: Head, card: EncoderCard) -> tuple[QueryWarning, ...]:
    """A warning if some images have an embedding but no code of a head.

    Raises:
        ArchiveError: if the archive holds no code of the head.
    """
    command = f"`medneg embed --archive ARCHIVE --head {head.card.name}`"
    sizes = {space.image_fingerprint: space.count for space in archive.spaces()}
    coded, embedded = sizes.get(head.code_fingerprint, 0), sizes[card.image_fingerprint]
    if not coded:
        raise ArchiveError(
            f"the archive holds no codes of the head {head.card.name} yet; derive them from its embeddings, "
            f"without reading a picture again: {command}"
        )
    if coded == embedded:
        return ()
    message = (
        f"{embedded - coded:,} of {embedded:,} images have no code of the head {head.card.name} "
        f"yet and cannot be found; run {command}."
    )
    return (QueryWarning(code="stale_codes", message=message),)


def parse_where(text: str) -> Where:
    """Read a filter such as ``view=PA|AP, age>=60, date=2024-01..2024-06, effusion=present``.

    Conditions stand between commas and all must hold; ``|`` separates alternatives. Fields are ``view``,
    ``sex``, ``age`` (years), ``date`` (ISO) and ``modality``, with the values that filters in a query's
    words have; any other is a finding's name, whose state is ``present``, ``absent`` or ``uncertain``. A
    finding includes its kinds: *calcification* is present where a calcified granuloma is.

    Raises:
        FilterError: if a condition cannot be read, or names an unknown field or value.

    Example:
        >>> parse_where("view=PA, age>=60").age_min
        60.0
    """
    where = Where()
    for part in filter(str.strip, text.split(",")):
        found = _CONDITION.fullmatch(part)
        if found is None:
            raise FilterError(f"a condition looks like view=PA or age>=60; got {part.strip()!r}")
        field, sign, value = found["field"].lower(), found["sign"], found["value"]
        if sign != "=" and field not in ("age", "date"):
            raise FilterError(f"{sign} works for age and date only; got {part.strip()!r}")
        if field in get_args(FilterField):
            where = _narrowed(where, read_condition(field, value if sign == "=" else sign + value))
        else:
            where = replace(where, findings=(*where.findings, _finding_filter(found["field"], value)))
    return where


def narrow(where: Where | None, query: Query) -> Where:
    """A filter together with those in a query's own words; all must hold.

    Raises:
        FilterError: if a filter of an edited query cannot be read, or two cannot both hold.
    """
    narrowed = where or Where()
    for each in query.filters:
        narrowed = _narrowed(narrowed, read_condition(each.field, each.text))
    return narrowed


def _narrowed(where: Where, condition: Condition) -> Where:
    field = condition.field
    if field in _PLURALS:
        before: tuple[str, ...] = getattr(where, _PLURALS[field])
        both = tuple(choice for choice in condition.choices if not before or choice in before)
        if not both:
            raise FilterError(
                f"{field} cannot be both {'|'.join(before)} and {'|'.join(condition.choices)}; "
                "separate alternatives with |"
            )
        choices: dict[str, Any] = {_PLURALS[field]: both}
        return replace(where, **choices)
    names = ("age_min", "age_max") if field == "age" else ("date_from", "date_to")
    ends: dict[str, Any] = {}
    for name, limit, narrower in zip(names, (condition.low, condition.high), (max, min), strict=True):
        limits = [each for each in (getattr(where, name), limit) if each is not None]
        ends[name] = narrower(limits) if limits else None
    return replace(where, **ends)


def _finding_filter(name: str, state: str) -> FindingFilter:
    words = lexicon()
    finding = words.resolve(name)
    if finding is None:
        raise FilterError(
            f"unknown field {name!r}; choose view, sex, age, date, modality or a finding such as effusion"
        )
    return FindingFilter(
        ids=(finding, *words.descendants(finding)),
        state=cast("FindingState", state.lower()),
        above=words.ancestors(finding),
    )
