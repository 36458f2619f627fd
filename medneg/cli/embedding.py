"""Codes of an archive's images: `embed`."""

from __future__ import annotations

import json
from dataclasses import asdict

from medneg.cli.application import ArchiveOption, EncoderOption, HeadOption, JsonOption, app


@app.command()
def embed(
    archive: ArchiveOption,
    head: HeadOption = None,
    encoder: EncoderOption = "phantom",
    as_json: JsonOption = False,
) -> None:
    """Derive a head's codes of the archive's embeddings, for `--method exclmm`. No picture is read again."""
    from medneg import encoders
    from medneg.archive import Archive
    from medneg.embedding import derive_codes
    from medneg.terminal.progress import progress_bar

    with Archive.open(archive) as store, progress_bar("Deriving", "image") as progress:
        card = encoders.load(encoder).card
        done = derive_codes(
            store, card, encoders.load_head(head or encoders.SHIPPED_HEADS[0], card), progress=progress
        )
    if as_json:
        print(json.dumps(asdict(done)))
    else:
        print(f"{done.head}: {done.derived:,} codes derived, {done.kept:,} were there")
