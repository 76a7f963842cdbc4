"""What a person changes in the latent lab: which latent, into what, and from which image."""

from dataclasses import dataclass

from app.frame import controls
from app.how_it_works.controls import here, offered
from app.looks.palette import image_titles
from app.looks.wording import subscript
from hvae.models.hierarchical_config import HierarchicalConfig
from hvae.runs.folders import RunEntry

NOTHING, EXCHANGE, PRIOR, TRAVERSE = KINDS = ("nothing", "exchange", "prior", "traverse")
"""What a latent becomes: that of another image, draws of its prior, or itself with one unit moved."""

AS_IT_IS = "as it is"
"""The variant in which nothing is changed."""

HELP = (
    "exchange: z of this level is taken from another image. prior: it is drawn from p(z), given the levels above. "
    "traverse: one unit of it is moved up and down. Whatever lies above stays; below, the model goes on as it does."
)


@dataclass(frozen=True)
class Asked:
    """One change: its kind, the image that is changed and the one that gives, as keys of the address; a layer, a unit.

    Layers count from 1, units from 0.
    """

    kind: str
    image: str
    layer: int
    giver: str = ""
    unit: int | None = None

    @property
    def symbol(self) -> str:
        """The latent in plain text."""
        return f"z{subscript(self.layer)}"


def asked(run: RunEntry, ood: tuple[str, ...], image: str, partner: str) -> Asked | None:
    """The change; None where nothing is to be changed. The `partner` gives where no other image is chosen."""
    model = run.config and run.config.model
    assert isinstance(model, HierarchicalConfig)
    with controls.bar("lab-controls"):
        kind = controls.choose("Change one latent", "lab", KINDS, NOTHING, select=True, width=170, help=HELP)
        if kind == NOTHING:
            return None
        layers = [f"z{layer}" for layer in range(model.depth, 0, -1)]
        layer = int(controls.choose("Level", "z", layers, select=True, width=100)[1:])
        if kind == EXCHANGE:
            images = offered(here(run, ood), run)
            given = controls.choose("Taken from", "giver", images, partner, width=220, named=image_titles(images))
            return Asked(kind, image, layer, giver=given)
        if kind == PRIOR:
            return Asked(kind, image, layer)
        units = [str(unit) for unit in range(model.parts(layer) * model.stages[layer - 1].latent.size)]
        about = "Of a feature map, the channel at every place."
        unit = int(controls.choose("Unit", "coordinate", units, select=True, width=100, help=about))
        return Asked(kind, image, layer, unit=unit)
