"""Every encoder that has a name, the forms that name any other, and whether its weights are here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from medneg.encoders.checkpoint import Checkpoint, Papers, read_checkpoint, read_papers
from medneg.encoders.places import cached_repository, embedded
from medneg.encoders.text_towers import find_text_tower, put_text_tower
from medneg.errors import EncoderError, UnknownName, WeightsMissing

if TYPE_CHECKING:
    from medneg.encoders.dual import DualEncoder
    from medneg.encoders.protocol import Encoder

DEFAULT = "phantom"
FORMS = ("open_clip:MODEL/PRETRAINED", "hf:REPOSITORY", "local:FOLDER")
"""Names that are not in the table: open_clip's own pairs, any hub repository, any folder."""

CHEXAGENT = Papers(
    licence="CC-BY-NC-4.0",
    notice=(
        "Trained on chest radiographs and the findings sections of their reports (CheXagent). "
        "Non-commercial research only, not for clinical use."
    ),
)
BIOMEDCLIP = Papers(
    licence="MIT",
    notice=(
        "Trained on figures and captions of biomedical articles, not on radiology reports. "
        "Research use only, not for clinical use."
    ),
    template="this is a photo of {}",
)
UNKNOWN = Papers(
    licence="unknown", notice="Nothing is recorded of this model's licence or training: ask its authors."
)
PHANTOM = Papers(
    licence="Apache-2.0",
    notice="Trained on drawings of chest radiographs only: its rankings mean nothing on patients' images.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A named encoder: where its files come from and what is known of it before they are here.

    Attributes:
        repository: on the model hub; None for the model inside this package.
        companions: arguments of further ``hf download`` commands that it needs.
        size, width: of the input in pixels, and d; None where only the checkpoint says.
    """

    papers: Papers
    repository: str | None = None
    companions: tuple[str, ...] = ()
    size: int | None = None
    width: int | None = None


ENTRIES: dict[str, Entry] = {
    "phantom": Entry(papers=PHANTOM),
    "xrayclip-b16": Entry(
        repository="StanfordAIMI/XrayCLIP__vit-b-16__laion2b-s34b-b88k",
        papers=CHEXAGENT,
        size=512,
        width=512,
    ),
    "xrayclip-l14": Entry(
        repository="StanfordAIMI/XrayCLIP__vit-l-14__laion2b-s32b-b82k",
        papers=CHEXAGENT,
        width=768,
    ),
    "xraysiglip-b16": Entry(
        repository="StanfordAIMI/XraySigLIP__vit-b-16-siglip-512__webli",
        papers=CHEXAGENT,
        size=512,
        width=768,
    ),
    "xraysiglip-l16": Entry(
        repository="StanfordAIMI/XraySigLIP__vit-l-16-siglip-384__webli",
        papers=CHEXAGENT,
        size=512,
        width=1024,
    ),
    "biomedclip": Entry(
        repository="microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224",
        companions=("microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract config.json",),
        papers=BIOMEDCLIP,
        size=224,
        width=512,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueRow:
    """One line of ``medneg encoders``; ``input_size`` and ``width`` are None until the weights tell them."""

    name: str
    input_size: int | None
    width: int | None
    licence: str
    available: bool
    how_to_get: str


def catalogue() -> tuple[CatalogueRow, ...]:
    """List the named encoders and whether their weights are on this machine; loads none of them."""
    return tuple(_row(name, entry) for name, entry in ENTRIES.items())


@cache
def load(name: str, text_encoder: str | None = None) -> Encoder:
    """Load an encoder, once per process. Nothing is ever downloaded.

    Args:
        name: one of ``catalogue()``, or ``open_clip:MODEL/PRETRAINED``, ``hf:REPOSITORY``,
            ``local:FOLDER``.
        text_encoder: a text tower tuned beside its image tower: one of ``text_towers()``, or the folder of
            a `medneg-finetune` run. The image embeddings stay the base's.

    Raises:
        UnknownName: if a name has none of these forms.
        WeightsMissing: if its weights are not here; the message says which command brings them.
        SpaceMismatch: if the text tower belongs to another image tower.
        EncoderError: if they are here and do not fit together.
    """
    if text_encoder is None:
        return load_alone(name)
    from medneg.encoders.dual import DualEncoder

    folder = find_text_tower(text_encoder)
    base = load_alone(name)  # not the remembered one: its text tower is overwritten
    told = put_text_tower(base.towers, base.card, folder)
    papers = Papers(
        licence=told.licence, notice=told.notice, template=base.card.template, findings=base.card.findings
    )
    return DualEncoder(f"{base.card.name}+{told.name}", base.towers, papers)


def load_alone(name: str) -> DualEncoder:
    """Load an encoder that nobody else holds: its text tower may be changed. Errors as for ``load``."""
    if name in ENTRIES:
        return _load_entry(name, ENTRIES[name])
    form, _, rest = name.partition(":")
    if form == "hf" and rest:
        return _load_entry(name, Entry(repository=rest, papers=UNKNOWN))
    if form == "local" and rest:
        folder = _local_folder(Path(rest).expanduser())
        return _load_folder(name, read_checkpoint(folder), read_papers(folder, UNKNOWN))
    if form == "open_clip" and "/" in rest:
        return _load_pair(name, *rest.rsplit("/", 1))
    raise UnknownName("encoder", name, (*ENTRIES, *FORMS))


def checkpoint_folder(name: str) -> Path | None:
    """Find the folder with an encoder's files; None if it is not here, or is one of open_clip's own pairs."""
    form, _, rest = name.partition(":")
    if form == "local":
        return _local_folder(Path(rest).expanduser())
    if name in ENTRIES or form == "hf":
        repository = ENTRIES[name].repository if name in ENTRIES else rest
        return embedded(name) if repository is None else cached_repository(repository)
    return None


def _row(name: str, entry: Entry) -> CatalogueRow:
    checkpoint = _find(name, entry)
    here = checkpoint is not None and checkpoint.weights is not None
    folder = None if checkpoint is None else checkpoint.folder
    return CatalogueRow(
        name=name,
        input_size=entry.size if checkpoint is None else checkpoint.preprocessing.input.size,
        width=entry.width if checkpoint is None else checkpoint.width,
        licence=_papers(entry, folder).licence,
        available=here,
        how_to_get="" if here else _command(name, entry),
    )


def _find(name: str, entry: Entry) -> Checkpoint | None:
    """Describe the entry's files if they are here, whole enough to be recognised."""
    folder = embedded(name) if entry.repository is None else cached_repository(entry.repository)
    if folder is None:
        return None
    try:
        return read_checkpoint(folder)
    except EncoderError:
        return None


def _papers(entry: Entry, folder: Path | None) -> Papers:
    # The table speaks for the repositories in it; the embedded model and unlisted ones for themselves.
    speaks = entry.repository is None or entry.papers is UNKNOWN
    return read_papers(folder, entry.papers) if folder is not None and speaks else entry.papers


def _load_entry(name: str, entry: Entry) -> DualEncoder:
    folder = embedded(name) if entry.repository is None else cached_repository(entry.repository)
    if folder is None or not folder.is_dir():
        raise WeightsMissing(_missing(name, entry))
    checkpoint = read_checkpoint(folder)
    if checkpoint.weights is None:
        raise WeightsMissing(_missing(name, entry))
    return _load_folder(name, checkpoint, _papers(entry, folder))


def _local_folder(given: Path) -> Path:
    """The folder of the model itself, where the folder of a `medneg-finetune` run is given."""
    return given / "model" if (given / "model").is_dir() else given


def _load_folder(name: str, checkpoint: Checkpoint, papers: Papers) -> DualEncoder:
    if checkpoint.weights is None:
        raise WeightsMissing(
            f"{checkpoint.folder} describes a model in {checkpoint.format} format but holds no weights; "
            f"add its .safetensors file"
        )
    from medneg.encoders.dual import DualEncoder

    if checkpoint.format == "open_clip":
        from medneg.encoders.open_clip_towers import load_towers
    else:
        from medneg.encoders.transformers_towers import load_towers
    return DualEncoder(name, load_towers(checkpoint), papers)


def _load_pair(name: str, model_name: str, tag: str) -> DualEncoder:
    from medneg.encoders.dual import DualEncoder
    from medneg.encoders.open_clip_towers import load_pair

    return DualEncoder(name, load_pair(model_name, tag), UNKNOWN)


def _command(name: str, entry: Entry) -> str:
    """Give the one command that brings the weights."""
    if entry.repository is None:
        return f"medneg-finetune pretrain --out {embedded(name)}"
    return " && ".join(f"hf download {what}" for what in (entry.repository, *entry.companions))


def _missing(name: str, entry: Entry) -> str:
    if entry.repository is None:
        return (
            f"the model {name!r} is not in this installation of medneg; install it again, "
            f"or train it: {_command(name, entry)}"
        )
    return (
        f"the weights of {name!r} are not on this machine; run: {_command(name, entry)} "
        f"(licence: {entry.papers.licence}). For a machine without a network, run it elsewhere, then copy "
        f"the folder that it prints and use local:FOLDER, or copy the whole cache and set HF_HOME to it"
    )
