"""The towers that learn, as one module: the text tower, and the image tower where it is unfrozen."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import normalize

from medneg.encoders.dual import Towers


class LearningTowers(nn.Module):
    """Both towers behind one ``forward``, so that several processes average the gradients of both.

    Batch norms keep the statistics of the base: batches of a tuning are small and chosen.

    Args:
        towers: of an encoder that nobody else holds.
        unfreeze_image: let the image tower learn too.
        half: compute in bfloat16.
    """

    def __init__(self, towers: Towers, *, unfreeze_image: bool = False, half: bool = False) -> None:
        super().__init__()
        self.whole = towers.module
        self._encode_tokens, self._encode_pixels = towers.encode_tokens, towers.encode_pixels
        self._cut, self._half = towers.cut, half
        self.learns = (*towers.text_state, *(towers.image_state if unfreeze_image else ()))
        if unfreeze_image:
            # Convolutions are a third faster so; a transformer does not mind.
            self.whole.to(memory_format=torch.channels_last)
        for name, parameter in self.whole.named_parameters():
            parameter.requires_grad_(name in self.learns)

    def forward(self, given: Tensor) -> Tensor:
        """Unit rows (n, d) of token ids, (n, context), or of pictures as floats, (n, 3, size, size)."""
        # On processors, attention's fused backward is the slowest part of a step in half precision.
        plain = sdpa_kernel(SDPBackend.MATH) if self._half and given.device.type == "cpu" else nullcontext()
        with torch.autocast(given.device.type, torch.bfloat16, enabled=self._half), plain:
            rows = (
                self._encode_pixels(given)
                if given.is_floating_point()
                else self._encode_tokens(self._cut(given))
            )
        return normalize(rows.float(), dim=1)

    def parameters_of(self, state: dict[str, Tensor]) -> list[nn.Parameter]:
        """Those parameters of a tower's state that learn."""
        return [
            parameter
            for name, parameter in self.whole.named_parameters()
            if name in state and parameter.requires_grad
        ]

    def weights(self) -> dict[str, Tensor]:
        """The learning towers' tensors wherever they are now: a device keeps copies of its own."""
        state = self.whole.state_dict()
        return {name: state[name] for name in self.learns}


def as_input(pictures: NDArray[np.uint8], towers: Towers) -> Tensor:
    """What the image tower eats of prepared pictures, bytes (n, size, size) to (n, 3, size, size)."""
    grey = torch.from_numpy(np.array(pictures)).unsqueeze(1).float() / 255
    mean, std = (
        torch.tensor(of).view(1, 3, 1, 1) for of in (towers.preprocessing.mean, towers.preprocessing.std)
    )
    return ((grey - mean) / std).contiguous(memory_format=torch.channels_last)
