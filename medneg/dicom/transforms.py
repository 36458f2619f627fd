"""The parts of MONAI that are used here, loaded without the baggage that they do not need.

``import monai`` loads all of MONAI, and with it torchvision, transformers, pandas, scikit-learn and SciPy
wherever they are installed: 9 s and 930 MB in every worker process, against 1 s and 600 MB without
(MONAI 1.6.1). MONAI treats them as optional, so they look absent while it is loaded, unless they are
there already. Only MONAI's own metrics, networks and tables would miss them, and none is used here.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_BAGGAGE = ("pandas", "scipy", "sklearn", "torchvision", "transformers")


@contextmanager
def _left_behind(names: tuple[str, ...]) -> Iterator[None]:
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None makes an import fail
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextmanager
def _without_card_decoder() -> Iterator[None]:
    """MONAI tries all its readers once, and tells twice that the decoder for graphics cards is missing."""
    logger = logging.getLogger("monai.data.nvimgcodec_pydicom_plugin")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="NvImgCodecPydicomReader")
            yield
    finally:
        logger.setLevel(level)


with _left_behind(_BAGGAGE):
    from monai.data import ImageReader
    from monai.transforms import Compose, LoadImage, SpatialPad, Transform

with _without_card_decoder():
    LOADER = LoadImage(image_only=False, dtype="float32", expanduser=False)
    """Loads with the reader that its call names; MONAI's own readers never get a turn."""

__all__ = ["LOADER", "Compose", "ImageReader", "SpatialPad", "Transform"]
