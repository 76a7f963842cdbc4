"""`hvae train`: a preset with overrides becomes a run folder."""

from __future__ import annotations

import json
import math
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from hvae.cli.options import Device, Devices, Nodes, accelerator
from hvae.cli.processes import number_of, start
from hvae.cli.terminal import interruptible, say, time_left, unwritable, warn
from hvae.cli.watching import Hours, ProgressFile, ThenScore, Watch, score_for_judging
from hvae.errors import ConfigError
from hvae.files import require_writable

if TYPE_CHECKING:
    from hvae.config import RunConfig
    from hvae.datasets import ImageSet
    from hvae.training.trainer import Progress

_SMOOTHING = 0.95


def train(
    preset: Annotated[str, typer.Argument(help="Name of a preset, such as fashionmnist-lite.")],
    run: Annotated[
        Path | None,
        typer.Option(help="Run folder; default <preset>-seed<seed> in $HVAE_RUNS, or in runs/."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="Train on another data set: a name, folder:PATH or npz:PATH.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Side in pixels of the square images that the model takes, such as 48.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the weights and of all noise.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the fitted images.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="Any setting, such as training.learning_rate=1e-3. Repeatable."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in its folder.")] = False,
    graph: Annotated[
        bool, typer.Option(help="On a single GPU: play steps from a CUDA graph rather than begin each kernel anew.")
    ] = True,
    device: Device = "auto",
    devices: Devices = None,
    nodes: Nodes = 1,
    then_score: ThenScore = False,
    hours: Hours = None,
    progress: ProgressFile = None,
) -> None:
    """Train a model, or continue a training.

    Progress shows the ELBO in nats and the log-ratio of each layer, lowest first. The weights kept are those of the
    best validation ELBO. Ctrl-C loses at most the steps since the last checkpoint.
    """
    from hvae.datasets.own.names import readable_name
    from hvae.presets import OWN
    from hvae.presets import preset as named_preset

    with Watch(progress, hours) as watch:
        # A config is text, whatever bytes a path has.
        data = None if data is None else readable_name(data)
        asked = _overrides(settings or [], data, seed, epochs)
        if size is not None:
            asked["model.image_shape"] = _square(named_preset(preset).override(asked), size)
        config = named_preset(preset).override(asked)
        if config.data.name == OWN and not resume:
            raise ConfigError(f"{preset} is for images of your own: name them with --data folder:PATH")
        folder = run or _default_folder(preset, config, data)
        require_writable(folder)
        if resume:
            config = _config_to_resume(folder, preset, asked)
        machine = {"accelerator": accelerator(device), "devices": number_of(devices, nodes, device), "nodes": nodes}
        machine["graph"] = graph
        start(machine["devices"], nodes, f"continue with: {_resuming(preset, folder)}")
        _fit(config, folder, _whole(config, folder, resume), resume, machine, watch)
        if then_score:
            score_for_judging(folder, accelerator(device), watch)
        watch.say("done")


def _whole(config: RunConfig, folder: Path, resume: bool) -> ImageSet:
    """All images that the parts are taken from; what is left out of one's own is said."""
    from hvae.runs.images.training_set import require_own, training_set

    whole = training_set(config.data.name, config.model.image_shape)
    if ":" in config.data.name:
        for line in [*[whole.note] * bool(whole.note), *whole.unread]:
            warn(f"{config.data.name}: {line}")
    if resume:
        require_own(folder.name, config.data, whole)
    return whole


def _fit(config: RunConfig, folder: Path, whole: ImageSet, resume: bool, machine: dict[str, Any], watch: Watch) -> None:
    from lightning_fabric.utilities.rank_zero import rank_zero_only

    from hvae.runs.images.outliers import exposed
    from hvae.runs.images.sources import remember
    from hvae.runs.images.training_set import part_of
    from hvae.training.trainer import train as run_training

    def step(progress: Progress) -> None:
        # Not before the first step: until then the folder may be refused, and only the first process gets here.
        if display.first < 0:
            remember(folder, whole)
        display.step(progress)
        watch.step(progress)

    fitted, validation = (part_of(whole, part, config.data.split_seed) for part in ("fitted", "validation"))
    fitted, validation = exposed(config, fitted, validation)
    beside = f" (half of them outliers: {config.data.outliers})" if config.data.outliers else ""
    tell = rank_zero_only(say)
    tell(
        f"{folder}: {config.preset} on {config.data.name}, {len(fitted):,} fitted and {len(validation):,} validation "
        f"images{beside}, {config.training.epochs} epochs, seed {config.training.seed}",
        err=True,
    )
    command = _resuming(config.preset, folder)
    display = _Display(folder, config)
    with interruptible(f"continue with: {command}"), unwritable(lambda: going_on(folder, command)), display.bar:
        run_training(config, folder, fitted, validation, whole=whole, resume=resume, on_step=step, **machine)
    if display.first >= 0:
        display.print_epochs("0:00:00")
    tell(str(folder))


def going_on(folder: Path, command: str) -> str:
    """How to go on with a training that could not write: by a command that resumes it, or anew."""
    from hvae.runs.folders import is_resumable

    return f"then continue with: {command}" if is_resumable(folder) else "then run the same command again"


def _resuming(preset: str, folder: Path) -> str:
    return f"hvae train {shlex.quote(preset)} --run {shlex.quote(str(folder))} --resume"


def _overrides(settings: list[str], data: str | None, seed: int | None, epochs: int | None) -> dict[str, object]:
    """Dotted settings with their values, read as JSON where they are JSON and as text where not."""
    overrides: dict[str, object] = {}
    for setting in settings:
        name, separator, value = setting.partition("=")
        if not separator or not name:
            raise ConfigError(f"--set {setting}: write NAME=VALUE, such as training.learning_rate=1e-3")
        try:
            overrides[name] = json.loads(value)
        except json.JSONDecodeError:
            overrides[name] = value
    shortcuts = {"data.name": data, "training.seed": seed, "training.epochs": epochs}
    return overrides | {name: value for name, value in shortcuts.items() if value is not None}


def _square(config: RunConfig, size: int) -> tuple[int, int, int]:
    """The shape of square images of a model, whose strides have to divide the side."""
    from hvae.models.hierarchical_config import HierarchicalConfig

    if not isinstance(config.model, HierarchicalConfig):
        raise ConfigError(f"--size is for hierarchical models, {config.preset} is another kind: leave it out")
    step = math.prod(block.stride for stage in config.model.stages for block in stage.blocks)
    if size < step or size % step:
        near = max(step, round(size / step) * step)
        raise ConfigError(f"--size {size}: {config.preset} takes multiples of {step}, what its strides divide: {near}")
    return config.model.image_shape[0], size, size


def _config_to_resume(folder: Path, preset: str, overrides: dict[str, object]) -> RunConfig:
    """The config a run was begun with; what was asked for besides has to agree with it."""
    from hvae.runs.checkpoints import read_config

    config = read_config(folder)
    if config.preset != preset:
        raise ConfigError(f"{folder} was trained from the preset '{config.preset}', not '{preset}'")
    for name, value in overrides.items():
        if config.override({name: value}) != config:
            raise ConfigError(f"{folder} was begun with another {name}: resume it without changing it")
    return config


def _default_folder(preset: str, config: RunConfig, data: str | None) -> Path:
    from hvae.datasets.base import last_name
    from hvae.runs.folders import run_roots

    on = "" if data is None else f"-on-{last_name(data)}"
    return run_roots()[0] / f"{preset}{on}-seed{config.training.seed}"


class _Display:
    """A bar over all steps on a terminal, and everywhere a line an epoch with the validation figures."""

    def __init__(self, folder: Path, config: RunConfig) -> None:
        self.folder, self.config = folder, config
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.began, self.first, self.epoch, self.shown = 0.0, -1, -1, 0
        self.means: list[float] = []

    def step(self, progress: Progress) -> None:
        """Show one step; the figures on the bar are moving averages over minibatches."""
        if self.first < 0:
            self.began, self.first = time.monotonic(), progress.step - 1
            self.shown = progress.epoch
            self.task = self.bar.add_task("", total=progress.steps, completed=self.first, numbers="")
        if progress.epoch != self.epoch:
            self.epoch = progress.epoch
            done, total = progress.step - self.first, progress.steps - self.first
            self.print_epochs(time_left(time.monotonic() - self.began, done, total))
        values = [progress.elbo, *progress.log_ratios]
        kept = self.means or values
        self.means = [_SMOOTHING * mean + (1 - _SMOOTHING) * value for mean, value in zip(kept, values, strict=True)]
        elbo, *ratios = self.means
        self.bar.update(
            self.task,
            completed=progress.step,
            description=f"epoch {progress.epoch + 1}/{self.config.training.epochs}",
            numbers=f"{self.config.model.objective} {elbo:.1f} nats{_log_r(ratios)}, "
            f"{progress.images_per_second:,.0f} images/s",
        )

    def print_epochs(self, left: str) -> None:
        """Print the epochs that the learning curve has and this display has not shown."""
        from hvae.runs.folders import read_history
        from hvae.stats import bits_per_dim

        history = read_history(self.folder)
        for _, row in history.iloc[self.shown :].iterrows():
            ratios = [row[f"log_ratio_{layer}"] for layer in range(1, self.config.model.depth + 1)]
            also = f"{bits_per_dim(row['elbo'], self.config.model.dimensions):.4f} bits/dim"
            if self.config.model.task:
                also = f"accuracy {row['accuracy']:.1%}"
            learnt = f"{self.config.model.objective} {row['elbo']:.2f} nats ({also}){_log_r(ratios)}"
            self.console.print(
                f"epoch {row['epoch']:.0f}/{self.config.training.epochs}: validation {learnt}, "
                f"{row['images_per_second']:,.0f} images/s, {left} left"
            )
        self.shown = len(history)


def _log_r(ratios: list[float]) -> str:
    """The log-ratio of each layer in words, nothing for a model without."""
    return f", log r {' '.join(f'{ratio:.1f}' for ratio in ratios)}" if ratios else ""
