"""A text tower whose every score is known beforehand: a sum of one number a token."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from medneg.encoders.checkpoint import Papers, Preprocessing
from medneg.encoders.dual import DualEncoder, Towers
from medneg.values import InputSpec

CONTEXT = 16
PADDING, BEGIN, END, UNKNOWN = range(4)
HEAVY = 1e4
"""The length of what all sentences share. Beside it a word is so light that the cosine is linear."""

WEIGHTS = {"no": -4.0, "without": -2.0, "evid": 0.25, "ence": 0.5, "of": 0.0, "effu": 2.0, "sion": 1.0}
"""What each token adds. "evidence" and "effusion" are two tokens each."""

SILENCE = {PADDING: 0.5, BEGIN: 7.0, END: 9.0, UNKNOWN: 0.0}


class LinearTower:
    """t ↦ (heavy, Σ weights of the tokens): its cosine with the second axis is the sum, divided by heavy."""

    def __init__(self) -> None:
        self.vocabulary = {token: place for place, token in enumerate(WEIGHTS, start=len(SILENCE))}
        self.embedding = torch.nn.Embedding(len(SILENCE) + len(WEIGHTS), 3)
        numbers = torch.tensor([*SILENCE.values(), *WEIGHTS.values()])
        with torch.no_grad():
            self.embedding.weight[:] = numbers[:, None] * torch.tensor([0.5, 0.25, 0.25])

    def tokenize(self, texts: list[str]) -> torch.Tensor:
        rows = torch.full((len(texts), CONTEXT), PADDING)
        for row, text in zip(rows, texts, strict=True):
            tokens = [token for word in text.split() for token in self._tokens(word)][: CONTEXT - 2]
            row[: len(tokens) + 2] = torch.tensor([BEGIN, *tokens, END])
        return rows

    def encode_tokens(self, ids: torch.Tensor) -> torch.Tensor:
        told = self.embedding(ids).sum(dim=-1) * (ids != PADDING)
        return torch.stack([torch.full((len(ids),), HEAVY), told.sum(dim=1)], dim=1)

    def _tokens(self, word: str) -> list[int]:
        if word in self.vocabulary:
            return [self.vocabulary[word]]
        halves = [word[:4], word[4:]]
        return [self.vocabulary.get(half, UNKNOWN) for half in halves if half]


@pytest.fixture
def linear() -> SimpleNamespace:
    """The encoder, the direction that its scores are known for, and the weights by token."""
    tower = LinearTower()
    towers = Towers(
        module=tower.embedding,
        encode_pixels=lambda pixels: pixels,
        encode_tokens=tower.encode_tokens,
        tokenize=tower.tokenize,
        vocabulary=tower.vocabulary,
        image_state={},
        text_state=tower.embedding.state_dict(),
        image_architecture={},
        text_architecture={},
        preprocessing=Preprocessing(input=InputSpec(size=8), mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
        width=2,
        cuts_padding=False,
        token_embedding=tower.embedding,
        unknown=UNKNOWN,
        attention=(),
        places=None,
    )
    return SimpleNamespace(
        encoder=DualEncoder("linear", towers, Papers(licence="Apache-2.0", notice="For tests only.")),
        target=np.array([0, 1], np.float32),
        scale=HEAVY,
    )


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The tiny checkpoints of the encoders' tests."""
    path = Path(__file__).parents[1] / "encoders" / "tiny_checkpoints.py"
    spec = importlib.util.spec_from_file_location("tiny_checkpoints", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
