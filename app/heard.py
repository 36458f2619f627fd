"""What the text encoder heard: a sentence's words, coloured by what they add to its likeness to an image."""

from __future__ import annotations

import streamlit as st

from app.markup import tag, text
from medneg.archive import Archive
from medneg.diagnostics.attribution import TokenAttribution, Word, attribute
from medneg.encoders import Encoder

FAINTEST, STRONGEST = 0.10, 0.75
"""How opaque the colour of a word is that says next to nothing, and of one that says it all."""


@st.cache_data(max_entries=256, show_spinner=False)
def heard(_store: Archive, _encoder: Encoder, tower: str, sentence: str, image_id: int) -> TokenAttribution:
    """Share the cosine of a sentence and an image among the sentence's words.

    Args:
        _store: holds the image's embedding.
        _encoder: whose text tower is asked.
        tower: its fingerprint, which tells one tower's answer from another's.
        sentence: the whole of it, as plain CLIP would hear it.
        image_id: in the archive.

    Raises:
        EncoderError: if nothing can be seen inside of the encoder.
    """
    (image,) = _store.vectors(_encoder.card.image_fingerprint, [image_id])
    (found,) = attribute(_encoder, [sentence], image)
    return found


def heard_html(found: TokenAttribution) -> str:
    """The words with their shares, and a line on how they were found."""
    whole = sum(abs(score) for score in found.scores) or 1.0
    words = "".join(_word(word, word.score / whole) for word in found.words)
    gap = f"{found.gap:.1%}" if found.gap < 10 else "most"
    lines = (
        f"What each word adds to the likeness of sentence and image, cosine {found.score:.2f}, or takes "
        f"from it (−), as a share. Integrated gradients, {gap} unaccounted for: an illustration, no proof."
    ).replace("cosine -", "cosine −")
    if not found.complete:
        lines += " So much is unaccounted for that these shares are not to be trusted."
    return tag("div", words, kind="mn-heard") + tag("div", text(lines), kind="mn-note")


def _word(word: Word, share: float) -> str:
    """A word in the colour of its mention, the stronger the more it says; what takes away is only framed."""
    kind = "cue" if word.role == "cue" else word.polarity or "rest"
    strength = FAINTEST + (STRONGEST - FAINTEST) * min(abs(share), 1.0)
    number = f"{abs(share):.2f}".removeprefix("0")
    against = " mn-less" if share < 0 else ""
    return tag(
        "span",
        f"{text(word.text)} {tag('b', ('−' if share < 0 else '') + number)}",
        kind=f"mn-word mn-{kind}{against}",
        style=f"--mn-strength: {strength:.0%}",
    )
