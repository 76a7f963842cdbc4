"""`hvae score RUN --landscape`: how the likelihood changes around the mean image, and with the contrast of images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hvae.cli.options import accelerator
from hvae.cli.terminal import counted, interruptible, say
from hvae.errors import ConfigError

if TYPE_CHECKING:
    from hvae.datasets import ImageSet
    from hvae.runs.folders import RunEntry


def write_landscapes(runs: Sequence[RunEntry], data: Sequence[str], asked: dict[str, Any], device: str) -> None:
    """Measure the landscape of each run towards each set; `asked` are arguments of `measure_landscape`."""
    from hvae.files import require_writable
    from hvae.measuring.landscape import measure_landscape, unfit
    from hvae.runs.images.sources import remember, resolve
    from hvae.runs.images.training_set import load_images
    from hvae.runs.measured.landscapes import FOLDER

    if not data:
        raise ConfigError("name the sets that the training set is set against (--data)")
    if obstacle := next(filter(None, map(unfit, runs)), None):
        raise ConfigError(obstacle)
    for run in runs:
        assert run.config is not None
        require_writable(run.path / FOLDER)
        own = resolve(run.path, run.config.data.name)
        known = load_images(run, own, "fitted")
        held_out = load_images(run, own, "validation" if ":" in run.config.data.name else "test")
        for name in data:
            name = resolve(run.path, name)
            other = load_images(run, name, "test")
            with (
                interruptible("nothing was written"),
                counted(f"{run.name}: landscape towards {name}", "passes") as progress,
            ):
                path = measure_landscape(
                    run, known, other, _examples(run, held_out, other), accelerator=accelerator(device),
                    on_progress=progress, **asked,
                )  # fmt: skip
            remember(run.path, other, name)
            say(f"{path}: {_expanded(path, run)}")


def _examples(run: RunEntry, *sets: ImageSet) -> list[tuple[ImageSet, int]]:
    """Two images of each set, and of those that are on every machine."""
    from hvae import datasets

    assert run.config is not None
    shape, found = run.config.model.image_shape, {images.slug: images for images in sets}
    for name in datasets.names_for(shape):
        if name.partition("-as-")[0] in ("digits", "glyphs") and name not in found:
            found[name] = datasets.load(name, "test", image_shape=shape)
    return [(images, len(images) * third // 3) for images in found.values() for third in (1, 2)]


def _expanded(path: Path, run: RunEntry) -> str:
    """The terms in nats and bits/dim, beside the gap that the run's score tables hold."""
    from hvae.runs.measured.landscapes import mean_and_error, observed, read_landscape
    from hvae.stats import bits_per_dim

    one = read_landscape(path)

    def said(name: str, mean: float, error: float) -> str:
        spread = f" ± {error:.1f}" if error else ""
        return f"{name} {mean:+.1f}{spread} nats ({-bits_per_dim(mean, one.dimensions):+.3f} bits/dim)"

    terms = ("slope", "curvature", "offset", "together")
    parts = [said(name, *mean_and_error(getattr(one, name))) for name in terms]
    gap = observed(run, one)
    return "; ".join([*parts, said("observed", *gap) if gap else "observed: score both sets"])
