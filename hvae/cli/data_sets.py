"""`hvae data`: the data sets this program knows, and fetching them."""

from __future__ import annotations

from typing import Annotated

import typer

from hvae.cli.terminal import counted

app = typer.Typer(no_args_is_help=True, help="Data sets: list, fetch.")


Markdown = Annotated[
    bool, typer.Option("--markdown", help="The facts alone, as the table of docs/data-sets.md.", show_default=False)
]


@app.command("list")
def list_data(markdown: Markdown = False) -> None:
    """List the data sets: whether they are here, their images, preprocessing, licence and citation."""
    from rich.table import Table

    from hvae import datasets
    from hvae.cli.terminal import show

    if markdown:
        typer.echo(markdown_table())
        return
    table = Table("name", "here", "images", "preprocessing", "splits", "licence", "citation", show_lines=True)
    table.columns[0].no_wrap = True
    for name in datasets.names():
        about = datasets.info(name)
        if datasets.available(name):
            here = "yes"
        else:
            here = f"no: hvae data fetch {name}" if about.downloadable else "no: place it by hand"
        splits = ", ".join(about.splits)
        table.add_row(name, here, about.images, about.preprocessing, splits, about.licence, about.citation)
    show(table)
    typer.echo(
        f"data folder: {datasets.data_root()} (set HVAE_DATA for another); your own: folder:PATH, npz:PATH; "
        "for a model of another size or colour: NAME-as-32x32-colour, NAME-as-28x28-grey"
    )


def markdown_table() -> str:
    """What the registry says about every data set, a row each, as Markdown."""
    from hvae import datasets

    lines = ["| name | images | what is done to them | licence | introduced by |", "|---|---|---|---|---|"]
    for about in map(datasets.info, datasets.names()):
        lines.append(
            f"| `{about.name}` | {about.images} | {about.preprocessing} | {about.licence} | {about.citation} |"
        )
    return "\n".join(lines)


@app.command()
def fetch(names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Names of `hvae data list`.")]) -> None:
    """Download data sets; files that are there and intact stay."""
    from hvae import datasets

    for name in names:
        datasets.info(name)
    for name in names:
        with counted(name, "bytes") as progress:
            datasets.fetch(name, progress=progress)
        typer.echo(f"{name} is in {datasets.data_root()}" if datasets.info(name).downloadable else f"{name} is here")
