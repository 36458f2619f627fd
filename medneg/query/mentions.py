"""The mentions of a sentence: what it names, with the phrase for a text encoder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from medneg.query.cues import vocabulary
from medneg.query.lexicon import ARTICLES, lexicon
from medneg.query.pieces import Chunk
from medneg.query.scope import Draft
from medneg.query.sentence import Sentence
from medneg.values import Mention


def counterfactuals(affirmed: Sequence[Mention], negated: Sequence[Mention]) -> tuple[str, ...]:
    """For each unwanted finding, the sentence that asks for it together with all wanted ones."""
    wanted = " and ".join(mention.text for mention in affirmed)
    return tuple(
        f"{wanted} and {mention.text}" if wanted else f"chest x-ray with {mention.text}"
        for mention in negated
    )


def mentions_of(sentence: Sentence) -> Iterator[Mention]:
    """The mentions of a sentence in reading order, those that normality implies after their statement."""
    for draft in sentence.reading.drafts:
        mention = _mention(draft, sentence)
        yield mention
        if mention.polarity == "affirmed" and mention.finding is not None:
            yield from _implied(mention, sentence.words((draft.piece.first, draft.piece.end)))


def _mention(draft: Draft, sentence: Sentence) -> Mention:
    piece, scope = draft.piece, draft.scope
    finding = lexicon().finding(piece.match.finding) if piece.match else None
    head = _head(piece, sentence)
    modifiers = tuple(dict.fromkeys(_plain(word) for word in draft.words))
    corrected = _corrected(piece, sentence)
    return Mention(
        text=" ".join((*modifiers, head)),
        polarity=scope.polarity,
        finding=finding.id if finding else None,
        modifiers=modifiers,
        strength=scope.strength,
        cue=sentence.words(scope.cue) if scope.cue else None,
        cue_span=sentence.span(scope.cue) if scope.cue else None,
        span=sentence.span((piece.first, piece.end)),
        origin="unknown" if finding is None else "fuzzy" if corrected else "lexicon",
        corrected_from=corrected if finding else None,
        reason=scope.reason,
    )


def _head(piece: Chunk, sentence: Sentence) -> str:
    """The lexicon's prompt, or the user's own words where they are unknown, rare or generic."""
    if piece.match is None:
        return sentence.words(piece.unknown or (piece.first, piece.end))
    finding, at = lexicon().finding(piece.match.finding), (piece.match.first, piece.match.end)
    if piece.match.verbatim or finding.kind == "generic":
        return " ".join(token.text for token in sentence.tokens[slice(*at)] if token.text not in ARTICLES)
    return finding.prompt


def _plain(word: str) -> str:
    """The adjective of an adverb: "mildly" enlarged is "mild" cardiomegaly."""
    return word[:-2] if word.endswith("ly") and word[:-2] in vocabulary().modifiers else word


def _corrected(piece: Chunk, sentence: Sentence) -> str | None:
    words = [token.original for token in sentence.tokens[piece.first : piece.end] if token.original]
    return " ".join(words) or None


def _implied(mention: Mention, statement: str) -> Iterator[Mention]:
    if mention.finding is None:
        return
    for absent in lexicon().finding(mention.finding).implies_absent:
        yield Mention(
            text=" ".join((*mention.modifiers, lexicon().finding(absent).prompt)),
            polarity="negated",
            finding=absent,
            modifiers=mention.modifiers,
            strength="weak",
            cue=statement,
            cue_span=mention.span,
            span=mention.span,
            origin="implied",
            reason="normality",
        )


def drop_generic(mentions: Iterable[Mention]) -> list[Mention]:
    """Without a wanted "finding" or "disease" beside a finding that has a name."""
    found = list(mentions)
    if not any(mention.finding != "abnormality" for mention in found):
        return found
    return [
        mention
        for mention in found
        if not (mention.finding == "abnormality" and mention.polarity != "negated" and not mention.modifiers)
    ]


def distinct(mentions: Iterable[Mention]) -> Iterator[Mention]:
    """Each finding once per polarity and wording."""
    seen = set()
    for mention in mentions:
        mark = (mention.text, mention.polarity)
        if mark not in seen:
            seen.add(mark)
            yield mention
