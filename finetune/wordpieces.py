"""A small tokenizer of our own: WordPiece over the lexicon's words, captions and everyday query words.

It is saved as transformers keep theirs, so open_clip loads it from the model's folder. Any word can be
written with its pieces; there are no unknown words, only words that were never under a picture.
"""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from finetune.captions import CARRIERS, DENIALS, NORMAL, caption, words_for
from medneg.phantom.sampling import sample_picture
from medneg.query.lexicon import lexicon

PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
SPECIAL = (PAD, UNKNOWN, START, END)
"""Their place in this row is their id: 0, 1, 2, 3."""

LETTERS = string.ascii_lowercase + string.digits + string.punctuation
PIECES = 3000
CONTEXT = 64

QUERIES = (
    "{} but no {}", "{} but not {}", "{} without {}", "{} and not {}", "{} or {}", "not {}", "free of {}",
    "negative for {}", "{} except {}", "all {} that do not have {}", "neither {} nor {}", "rule out {}",
    "exclude {}", "{} in the absence of {}", "any patient whose {} is gone", "possible {}", "lacking {}",
)  # fmt: skip
"""Forms in which people ask; they give their words a piece each, no more."""


def train_tokenizer(texts: Iterable[str], *, pieces: int = PIECES) -> Tokenizer:
    """Make word pieces of texts: every letter, and the most frequent whole words.

    The same texts give the same pieces; the trainers of the tokenizers library order equally frequent
    pieces by chance.

    Args:
        texts: in any case; accents are stripped.
        pieces: at most so many, letters included.
    """
    normalizer, split = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    counts = Counter(
        word for text in texts for word, _ in split.pre_tokenize_str(normalizer.normalize_str(text))
    )
    letters = sorted({*LETTERS, *(letter for word in counts for letter in word)})
    known = dict.fromkeys((*SPECIAL, *letters, *(f"##{letter}" for letter in letters)))
    known |= dict.fromkeys(sorted(counts, key=lambda word: (-counts[word], word)))
    vocabulary = {piece: number for number, piece in enumerate(list(known)[:pieces])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, split
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, SPECIAL.index(START)), (END, SPECIAL.index(END))]
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def corpus(seed: int, *, captions: int = 20_000) -> Iterator[str]:
    """Every word of the lexicon, the carriers, and captions of sampled pictures."""
    for finding in lexicon().findings:
        yield from words_for(finding.id)
    yield from (carrier.format("effusion") for carrier in (*CARRIERS, *DENIALS))
    yield from NORMAL
    yield from (form.format("effusion", "edema") for form in QUERIES for _ in range(5))
    rng = np.random.default_rng([seed, 1])
    pictures = [sample_picture(seed, index, rows=64, columns=64) for index in range(min(captions, 500))]
    yield from (caption(pictures[index % len(pictures)], rng).text for index in range(captions))


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the files that transformers' ``AutoTokenizer`` reads."""
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": CONTEXT,
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "cls_token": START,
        "sep_token": END,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def encode(tokenizer: Tokenizer, texts: Iterable[str]) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Token ids, shape (texts, longest), padded with 0 and cut to ``CONTEXT``."""
    rows = [row.ids for row in tokenizer.encode_batch(list(texts))]
    rows = [row if len(row) <= CONTEXT else [*row[: CONTEXT - 1], SPECIAL.index(END)] for row in rows]
    ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for line, row in zip(ids, rows, strict=True):
        line[: len(row)] = row
    return ids
