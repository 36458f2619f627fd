"""The command line of training: parse arguments, call the library, print."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import finetune.exclmm.cli
import finetune.study_cli
import finetune.tuning_cli  # noqa: F401  (its commands register themselves)
from finetune.application import TrainingError, app
from medneg.errors import MednegError

if TYPE_CHECKING:
    from finetune.recipe import Recipe

WorkersOption = Annotated[int, typer.Option(help="Processes that draw pictures.", min=1)]
CORES = os.cpu_count() or 1
VALIDATION = 640
"""Pictures that the quality is watched on during training; their seed is the training's plus one."""


@app.command()
def pretrain(
    out: Annotated[Path, typer.Option(help="Folder of the run: pictures, state, curve and model.")],
    seed: Annotated[int, typer.Option(help="Of pictures, weights and order.", min=0)] = 0,
    pictures: Annotated[int, typer.Option(help="Pictures to draw.", min=64)] = 24_000,
    presentations: Annotated[int, typer.Option(help="Pictures to show in all.", min=64)] = 192_000,
    size: Annotated[int, typer.Option(help="Edge of a picture in pixels; 64, 96, 128, …", min=64)] = 192,
    start_with: Annotated[
        int | None, typer.Option(help="Begin with so many drawn; a process beside draws the rest.", min=64)
    ] = None,
    workers: WorkersOption = CORES,
    threads: Annotated[int, typer.Option(help="Threads of the training.", min=1)] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in the folder.")] = False,
) -> None:
    """Train the phantom model from nothing: draw, train, export to OUT/model."""
    import torch

    from finetune.pretrain import Training
    from medneg.terminal.progress import progress_bar

    if size % 32:
        raise TrainingError(f"--size must be a multiple of 32; got {size}")
    recipe = _recipe(out, resume, seed=seed, pictures=pictures, presentations=presentations, size=size)
    torch.set_num_threads(threads)
    beside = _draw(out, recipe, start_with or recipe.pictures, workers)
    try:
        training = Training(out, recipe, out / "pictures", out / "validation")
        with progress_bar("training", "pictures") as progress:
            training.run(progress=progress)
        training.export(out / "model")
    except KeyboardInterrupt:
        print(
            f"stopped and saved; go on with: medneg-finetune pretrain --out {out} --resume", file=sys.stderr
        )
        raise typer.Exit(130) from None
    finally:
        if beside is not None:
            beside.terminate()
    print(f"the model is in {out / 'model'}; its quality: medneg-finetune evaluate {out}")


@app.command()
def refit(
    run: Annotated[Path, typer.Argument(help="Folder of a finished run.")],
    earlier: Annotated[Path, typer.Argument(help="Copy of its state.pt from the time that is wanted.")],
    out: Annotated[Path, typer.Option(help="Folder for the model.")],
    steps: Annotated[int, typer.Option(help="Steps of 128 captions.", min=1)] = 75,
) -> None:
    """Put back an earlier text tower and fit it to the run's final image tower."""
    import torch

    from finetune.pretrain import Training
    from finetune.recipe import load_recipe
    from finetune.refit import refit_text
    from medneg.terminal.progress import progress_bar

    if not (run / "state.pt").is_file() or not earlier.is_file():
        raise TrainingError(f"{run} must be the folder of a run and {earlier} a state of it; one is not")
    torch.set_num_threads(1)
    recipe = load_recipe(run / "recipe.json")
    training = Training(run, recipe, run / "pictures", run / "validation")
    with progress_bar("refitting", "steps") as progress:
        refit_text(training, earlier, steps=steps, progress=progress)
    training.export(out)
    print(f"the model is in {out}; its quality: medneg-finetune evaluate {out}")


@app.command()
def evaluate(
    model: Annotated[Path, typer.Argument(help="Folder of a run, or of a model in open_clip's format.")],
    studies: Annotated[int, typer.Option(help="Fresh phantoms to draw.", min=64)] = 2500,
    seed: Annotated[int, typer.Option(help="Of the phantoms; not one that was trained on.", min=0)] = 90_001,
    workers: WorkersOption = CORES,
    keep: Annotated[Path | None, typer.Option(help="Folder that keeps the phantoms for next time.")] = None,
    write: Annotated[Path | None, typer.Option(help="File for the figures as JSON.")] = None,
) -> None:
    """Measure a model on fresh phantoms: zero-shot AUC, and every method on “A but no B”."""
    from finetune.assessment import assess, model_folder
    from medneg.terminal.evaluation import show_report
    from medneg.terminal.progress import progress_bar

    folder = model_folder(model)
    with progress_bar("drawing", "parts") as progress:
        report = assess(folder, studies=studies, seed=seed, workers=workers, kept=keep, progress=progress)
    if write is not None:
        write.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
    show_report(report)


def _recipe(out: Path, resume: bool, *, size: int, **numbers: Any) -> Recipe:
    """The recipe of the options, or of the run that is resumed."""
    from finetune.dual_encoder import Shape
    from finetune.recipe import Recipe, load_recipe

    kept = out / "recipe.json"
    if resume and not kept.is_file():
        raise TrainingError(f"{out} holds no run to resume; leave out --resume to begin one")
    if resume:
        return load_recipe(kept)
    if kept.exists():
        raise TrainingError(f"{out} holds a run; add --resume to go on with it, or choose another folder")
    return Recipe(**numbers, shape=Shape(size=size), first_size=max(64, size * 5 // 6 // 32 * 32))


def _draw(out: Path, recipe: Recipe, at_once: int, workers: int) -> Any:
    """Draw what training begins with; returns the process that draws the rest, or None."""
    import multiprocessing

    from finetune.pictures import draw_parts
    from medneg.terminal.progress import progress_bar

    size = recipe.shape.size
    sets = (("pictures", recipe.seed, at_once, True), ("validation", recipe.seed + 1, VALIDATION, False))
    for name, seed, count, twins in sets:
        with progress_bar(f"drawing {name}", "parts") as progress:
            draw_parts(
                out / name,
                seed=seed,
                pictures=min(count, recipe.pictures),
                size=size,
                workers=workers,
                frontal=not twins,
                twins=twins,
                progress=progress,
            )
    if at_once >= recipe.pictures:
        return None
    rest = {"seed": recipe.seed, "pictures": recipe.pictures, "size": size, "workers": 1}
    beside = multiprocessing.get_context("spawn").Process(
        target=draw_parts, args=(out / "pictures",), kwargs=rest
    )
    beside.start()
    return beside


def main() -> None:
    """Run the command line; foreseen errors become one line on standard error and exit code 1."""
    from medneg.terminal.screen import complain

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except MednegError as error:
        complain(str(error))
        sys.exit(1)


def _interrupt(signum: int, frame: object) -> None:
    """Let a termination save the run as Ctrl-C does."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()  # for `accelerate launch -m finetune.cli`
