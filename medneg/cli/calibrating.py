"""What scores mean on an archive: `calibrate`."""

from __future__ import annotations

import json

from medneg.cli.application import ArchiveOption, EncoderOption, JsonOption, TextEncoderOption, app


@app.command()
def calibrate(
    archive: ArchiveOption,
    encoder: EncoderOption = "phantom",
    text_encoder: TextEncoderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what an encoder's scores mean on the archive: spreads, and probabilities where labels exist."""
    from medneg import encoders
    from medneg.archive import Archive
    from medneg.calibration import calibrate_archive
    from medneg.terminal.calibration import show_calibration
    from medneg.terminal.progress import progress_bar

    with Archive.open(archive) as store, progress_bar("Calibrating", "image") as progress:
        report = calibrate_archive(store, encoders.load(encoder, text_encoder), progress=progress)
    if as_json:
        print(json.dumps(report.to_json()))
    else:
        show_calibration(report)
