"""The command that trains heads: `exclmm`."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from finetune.application import TrainingError, app
from medneg.cli.application import ArchiveOption, EncoderOption

if TYPE_CHECKING:
    from finetune.embedded import Embedded
    from finetune.exclmm.recipe import Recipe
    from finetune.exclmm.run import Say, Training
    from finetune.exclmm.texts import Reader


@app.command()
def exclmm(
    archive: ArchiveOption,
    out: Annotated[Path, typer.Option(help="Folder of the run; a run in it goes on where it stopped.")],
    encoder: EncoderOption = "phantom",
    text_encoder: Annotated[
        str | None, typer.Option(help="Let a tuned text tower read captions and queries.")
    ] = None,
    stage: Annotated[
        int,
        typer.Option(
            help="1 learns codes and shows them; 2 goes on to the exclusion encoders.", min=1, max=2
        ),
    ] = 2,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Train the paper's ablations too, and ask them all.")
    ] = False,
    test_archive: Annotated[
        str | None, typer.Option(help="Archive of other people that --ablate asks; those watched.")
    ] = None,
    beside: Annotated[
        list[str] | None, typer.Option(help="Tuned text tower to ask too with --ablate; repeatable.")
    ] = None,
    vectors: Annotated[
        Path | None, typer.Option(help="Word vectors in GloVe's format; the text tower's own.")
    ] = None,
    width: Annotated[int, typer.Option(help="d, the length of a code.", min=8)] = 512,
    kept: Annotated[int, typer.Option(help="t, the dimensions of a code that stay awake.", min=1)] = 51,
    epochs: Annotated[int, typer.Option(help="How often stage 1 sees each image.", min=1)] = 10,
    steps: Annotated[int, typer.Option(help="Steps of stage 2.", min=1)] = 300,
    quadruples: Annotated[int, typer.Option(help="Queries that stage 2 learns from.", min=2)] = 2000,
    truth: Annotated[
        Literal["manifest", "report"], typer.Option(help="Believe manifests, or findings read in reports.")
    ] = "manifest",
    seed: Annotated[int, typer.Option(help="Of split, weights, captions and order.", min=0)] = 0,
    threads: Annotated[int, typer.Option(help="Threads of the training.", min=1)] = 1,
) -> None:
    """Train a head that suppresses what is excluded (ExclMM); the archive's embeddings stay as they are."""
    import torch

    from finetune.exclmm.recipe import Recipe

    torch.set_num_threads(threads)
    try:
        recipe = Recipe(
            base=encoder,
            text_encoder=text_encoder,
            vectors=None if vectors is None else str(vectors),
            width=width,
            kept=kept,
            epochs=epochs,
            exclusion_steps=steps,
            quadruples=quadruples,
            seed=seed,
        )
    except ValueError as err:
        raise TrainingError(str(err)) from err
    learnt, watched = _data(archive, encoder, truth, seed)
    with contextlib.ExitStack() as opened:
        say = _progress(opened)
        try:
            if ablate:
                asked = watched if test_archive is None else _whole(test_archive, encoder, truth)
                _ablate(out, recipe, learnt, asked, tuple(beside or ()), say)
            else:
                _train(out, recipe, learnt, watched, stage, say)
        except KeyboardInterrupt:
            typer.echo("stopped and saved; run the same command again to go on", err=True)
            raise typer.Exit(130) from None


def _data(
    archive: str, encoder: str, truth: Literal["manifest", "report"], seed: int
) -> tuple[Embedded, Embedded]:
    """What is learnt from, and other people's images."""
    from finetune.embedded import split

    return split(_whole(archive, encoder, truth), seed=seed)


def _whole(archive: str, encoder: str, truth: Literal["manifest", "report"]) -> Embedded:
    from finetune.embedded import read_embedded
    from medneg.archive import Archive
    from medneg.encoders import load

    with Archive.open(archive) as store:
        return read_embedded(store, load(encoder), source=truth)


def _reader(folder: Path, encoder: str, text_encoder: str | None) -> Reader:
    from finetune.exclmm.texts import Reader
    from medneg.encoders import load

    return Reader(load(encoder, text_encoder), folder)


def _train(out: Path, recipe: Recipe, learnt: Embedded, watched: Embedded, stage: int, say: Say) -> None:
    from finetune.exclmm.run import Training

    training = Training(out, recipe, learnt, _reader(out, recipe.base, recipe.text_encoder))
    head = training.head(_command(), say, stage=stage)
    _show_stage_1(training, watched, say)
    if stage == 1:
        typer.echo(f"stage 1 is in {out}; go on with --stage 2")
        return
    from finetune.exclmm.measuring import Gallery, exclusions, headline

    gallery = Gallery(watched, exclusions(watched, seed=recipe.seed))
    typer.echo(f'"A but no B", precision@10 on {len(watched)} watched images')
    for method in ("exclmm-suppress", "exclmm", "exclmm-sentence"):
        for wording, found in headline(gallery.ask(training.reader, method, head)).items():
            typer.echo(f"  {method:<16} {wording:<10} {found}")
    typer.echo(
        f"the head is in {out / 'head'}; now: medneg embed --archive ARCHIVE --head {out}, then "
        f"medneg search --archive ARCHIVE --method exclmm --head {out} …"
    )


def _show_stage_1(training: Training, watched: Embedded, say: Say) -> None:
    from finetune.exclmm.inspection import inspect
    from finetune.exclmm.showing import draw_pair, tell

    module = training.codes(say)
    head = training.frozen(module)
    found = inspect(watched, module, head, training.reader)
    report = {"words": training.word_figures, **found.to_json()}
    (training.folder / "stage1.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    (training.folder / "dimensions.svg").write_text(
        draw_pair(watched, head, training.reader), encoding="utf-8"
    )
    for line in tell(found, training.word_figures):
        typer.echo(line)


def _ablate(
    out: Path, recipe: Recipe, learnt: Embedded, asked: Embedded, beside: tuple[str, ...], say: Say
) -> None:
    from finetune.exclmm.ablation import ablate, table, variants
    from finetune.exclmm.ablation import beside as ask_beside
    from finetune.exclmm.measuring import Gallery, exclusions

    readers = {name: _reader(out, recipe.base, name) for name in (None, *beside)}
    gallery = Gallery(asked, exclusions(asked, seed=recipe.seed))
    rows = ask_beside(gallery, {name or "base": reader for name, reader in readers.items()})
    tuned = beside[0] if beside else None
    rows += ablate(out, variants(recipe, tuned), learnt, gallery, readers, say=say)
    told = {"command": _command(), "images": len(asked), "rows": [row.to_json() for row in rows]}
    (out / "ablation.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    typer.echo(f'"A but no B", precision@10 [95 %] on {len(asked)} images')
    for line in table(rows):
        typer.echo(line)


def _progress(opened: contextlib.ExitStack) -> Say:
    """One bar after the other on the terminal."""
    from finetune.exclmm.learning import Progress
    from medneg.terminal.progress import progress_bar

    current = opened.enter_context(contextlib.ExitStack())

    def say(phase: str) -> Progress:
        current.close()
        return current.enter_context(progress_bar(phase, "steps"))

    return say


def _command() -> str:
    """The command as it was typed."""
    return shlex.join(["medneg-finetune", *sys.argv[1:]])
