"""Where a tuning starts: at the base's own text tower, or at one that was tuned before."""

from __future__ import annotations

from finetune.tuning_recipe import TuningRecipe
from medneg.encoders.dual import DualEncoder
from medneg.encoders.registry import load_alone
from medneg.encoders.text_towers import find_text_tower, put_text_tower, read_text_tower
from medneg.values import EncoderCard


def load_towers(recipe: TuningRecipe) -> tuple[DualEncoder, DualEncoder]:
    """Load the encoder twice: as it stays, and as it is when the tuning starts.

    Raises:
        UnknownName: if there is no such encoder, or no text tower to go on from.
        SpaceMismatch: if that text tower belongs to another image tower.
        EncoderError: if its tensors do not fit the encoder's.
    """
    base, tuned = load_alone(recipe.base), load_alone(recipe.base)
    if recipe.start is not None:
        put_text_tower(tuned.towers, tuned.card, find_text_tower(recipe.start))
    return base, tuned


def lineage_before(base: EncoderCard, recipe: TuningRecipe) -> tuple[str, ...]:
    """What was done to the text tower before this run, oldest first."""
    if recipe.start is not None:
        return read_text_tower(find_text_tower(recipe.start)).lineage
    return (f"base {base.name}, text tower {base.text_fingerprint}",)
