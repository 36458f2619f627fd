"""A head's training in its folder: words, codes, exclusion encoders; each phase goes on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy import float32
from numpy.typing import NDArray

from finetune.application import TrainingError
from finetune.embedded import Embedded
from finetune.exclmm.captions import Captions, write_captions, write_quadruples
from finetune.exclmm.learning import Progress
from finetune.exclmm.model import BiEncoderDecoder, ExclusionEncoder, Form
from finetune.exclmm.raw import RawHead
from finetune.exclmm.recipe import Recipe, load_recipe
from finetune.exclmm.stages import CodingHead, learn_codes, learn_exclusion, lessons
from finetune.exclmm.texts import Reader, digest
from finetune.exclmm.words import caption_codes, code_words, own_vectors, read_glove, support, vocabulary
from medneg.encoders.heads import STAGE_2, Head, HeadCard, write_head

Say = Callable[[str], Progress | None]
"""Gives a progress callback for a phase, by its name."""


def _silent(phase: str) -> Progress | None:
    return None


class Training:
    """Both stages in a folder.

    The folder holds ``config.json``, ``learnt_from.txt``, a state for each phase and, at the end, ``head/``.

    Args:
        folder: of the run; a run in it goes on.
        recipe: its numbers.
        data: what to learn from.
        reader: the base's text tower, or the tuned one that the recipe names.

    Raises:
        TrainingError: if the folder holds a run with other numbers, or one that learnt from other images.
    """

    def __init__(self, folder: Path, recipe: Recipe, data: Embedded, reader: Reader) -> None:
        self.folder, self.recipe, self.data, self.reader = folder, recipe, data, reader
        self._refuse_another()
        folder.mkdir(parents=True, exist_ok=True)
        recipe.save(folder / "config.json")
        (folder / "learnt_from.txt").write_text(self._learnt_from() + "\n", encoding="utf-8")
        self.word_figures: dict[str, float] = {}

    def _learnt_from(self) -> str:
        return digest(self.data.digest().encode(), self.reader.card.text_fingerprint.encode())

    def _refuse_another(self) -> None:
        config, learnt = self.folder / "config.json", self.folder / "learnt_from.txt"
        if config.exists() and (kept := load_recipe(config)) != self.recipe:
            raise TrainingError(
                f"{self.folder} holds a run with other numbers ({kept.differences(self.recipe)}); choose "
                "another folder, or the same numbers to go on"
            )
        if learnt.exists() and learnt.read_text(encoding="utf-8").strip() != self._learnt_from():
            raise TrainingError(
                f"{self.folder} holds a run that learnt from other images, labels or words than these; "
                "choose another folder"
            )

    def codes(self, say: Say = _silent) -> BiEncoderDecoder:
        """Stage 1: sparse codes of words, of captions, and of images and texts."""
        captions = write_captions(self.data, seed=self.recipe.seed)
        self.reader.read(captions.texts, say("reading captions"))
        chosen = self._chosen(captions, say) if self.recipe.masked else None
        return learn_codes(
            self.data,
            captions,
            self.reader.encode_texts(captions.texts),
            chosen,
            recipe=self.recipe,
            file=self.folder / "stage1.pt",
            progress=say("stage 1"),
        )

    def word_codes(self, words: tuple[str, ...], say: Say = _silent) -> Mapping[str, NDArray[float32]]:
        """Stage 1, step 1: a code for each word, eq. 1 to 4."""
        if self.recipe.vectors is None:
            vectors = own_vectors(words, self.reader)
        else:
            words, vectors = read_glove(Path(self.recipe.vectors), words)
        codes, self.word_figures = code_words(
            vectors, self.recipe, self.folder / "words.pt", say("sparse words")
        )
        return dict(zip(words, codes, strict=True))

    def _chosen(self, captions: Captions, say: Say) -> NDArray[np.bool_]:
        known = self.word_codes(vocabulary(captions.texts), say)
        codes = caption_codes(captions.texts, known, self.recipe.width)
        return support(codes, self.recipe.kept)

    def exclusion(self, head: CodingHead, form: Form, say: Say = _silent) -> ExclusionEncoder:
        """Stage 2: an exclusion encoder on the frozen codes of stage 1."""
        recipe = self.recipe
        quadruples = write_quadruples(self.data, recipe.quadruples, seed=recipe.seed)
        if form == "sentence":
            texts = [text for each in quadruples for text in (each.positive, each.exclusion)]
            self.reader.read(texts, say("reading queries"))
        codes = head.encode_images(self.data.vectors)
        given = lessons(self.data, quadruples, codes, head, self.reader, form)
        file = self.folder / f"{form}.pt"
        return learn_exclusion(given, form, recipe=recipe, file=file, progress=say(f"stage 2, {form}"))

    def frozen(self, module: BiEncoderDecoder) -> Head:
        """Stage 1 as a head whose exclusion encoders are still untrained."""
        tensors: dict[str, NDArray[Any]] = module.tensors()
        for form in get_args(Form):
            tensors |= ExclusionEncoder(self.recipe.width, form).tensors()
        return Head(self.card(()), {name: halved(tensor) for name, tensor in tensors.items()})

    def head(self, command: str, say: Say = _silent, *, stage: int = 2) -> Head:
        """Train what is not trained yet, and write the head into ``head/``.

        Args:
            command: what was typed, for the record.
            say: gives progress callbacks.
            stage: 1 leaves the exclusion encoders untrained and writes nothing.
        """
        frozen = self.frozen(self.codes(say))
        if stage == 1:
            return frozen
        tensors: dict[str, NDArray[Any]] = {n: w for n, w in frozen.tensors.items() if n not in STAGE_2}
        for form in get_args(Form):
            tensors |= self.exclusion(frozen, form, say).tensors()
        card = self.card((f"trained by ExclMM, seed {self.recipe.seed}: {command}",))
        write_head(self.folder / "head", card, tensors)
        return Head(card, {name: halved(tensor) for name, tensor in tensors.items()})

    def raw_head(self, say: Say = _silent) -> RawHead:
        """Stage 2 on the embeddings themselves."""
        head = RawHead(card=self.reader.card)
        for form in get_args(Form):
            head = replace(head, tensors={**head.tensors, **self.exclusion(head, form, say).tensors()})
        return head

    def card(self, lineage: tuple[str, ...]) -> HeadCard:
        """What is to be known of the head."""
        base = self.reader.card
        return HeadCard(
            name=self.folder.resolve().name,
            base=self.recipe.base,
            image_fingerprint=base.image_fingerprint,
            kept=self.recipe.kept,
            licence=base.licence,
            notice=base.notice,
            lineage=(f"base {base.name}, text tower {base.text_fingerprint}", *lineage),
        )


def halved(tensor: NDArray[Any]) -> NDArray[float32]:
    """What is left of a tensor in the half precision that heads are kept in."""
    return tensor.astype(np.float16).astype(float32)
