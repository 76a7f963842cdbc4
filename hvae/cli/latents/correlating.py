"""`hvae correlate`: how alike two runs represent the same images."""

from typing import Annotated

import typer

from hvae.cli.options import Data, Device, Seed, run_with_weights, torch_device
from hvae.cli.terminal import counted, say
from hvae.errors import CheckpointError
from hvae.files import require_writable


def correlate(
    run_a: Annotated[str, typer.Argument(help="First run; the table goes into its folder.")],
    run_b: Annotated[str, typer.Argument(help="Second run.")],
    data: Data,
    split: Annotated[str, typer.Option(help="Split of the data sets.")] = "test",
    units: Annotated[
        int | None, typer.Option(help="Units to match in every layer; default what the narrowest layer can give.")
    ] = None,
    images: Annotated[int, typer.Option(help="Images to use of each data set.")] = 2000,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Correlate the features of two runs layer by layer, as in Fig. 2 of the paper.

    Prints the path of each table and, for each kind of representation, the mean |r| of every layer with the same
    layer of the other run, and in brackets what shuffled images reach.
    """
    first, second = run_with_weights(run_a), run_with_weights(run_b)

    require_writable(first.path / "correlations")
    from hvae.measuring import correlations
    from hvae.runs.checkpoints import load_checkpoint
    from hvae.runs.correlations.tables import write_correlations
    from hvae.runs.correlations.unit_pairs import write_unit_pairs
    from hvae.runs.images.training_set import load_images

    where = torch_device(device)
    a, b = load_checkpoint(first.path, where), load_checkpoint(second.path, where)
    if a.config.model.image_shape != b.config.model.image_shape:
        raise CheckpointError(
            f"{first.name} takes images of shape {a.config.model.image_shape}, {second.name} of "
            f"{b.config.model.image_shape}: only runs of one shape can see the same images"
        )
    for name in data:
        chosen = load_images(first, name, split)
        with counted(f"{first.name} and {second.name} on {chosen.slug}", "steps") as progress:
            table, pairs = correlations.correlate(
                a, b, chosen, (first.name, second.name), units, seed, images, progress
            )
        write_unit_pairs(first.path, pairs)
        say(str(write_correlations(first.path, table)))
        for kind in table.kinds():
            r, null = table.square(kind).diagonal(), table.square(kind, "null").diagonal()
            layers = (f"z_{layer} {x:.3f} ({y:.3f})" for layer, (x, y) in enumerate(zip(r, null, strict=True), start=1))
            say(f"  {kind}: {', '.join(layers)}")
