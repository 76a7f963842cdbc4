"""What is done to files before a model sees them: one recipe for all, and others for single files."""

from collections.abc import Mapping
from dataclasses import replace

from app.frame import controls
from hvae.datasets.conversions import FITS
from hvae.datasets.own.preparing import SCAN, STEPS, Treatment, usual_fit

AS_ALL, AS_IT_IS, INVERTED, STEP_BY_STEP = "as all", "as it is", "inverted", "steps"
RECIPES = (AS_IT_IS, INVERTED, SCAN)
_FITS_HELP = (
    "pad: the whole image on black. extend: on the colour of its border. crop: the largest centred part. squash: "
    "stretched."
)
_HELP = (
    "scan: makes dark ink on paper what the model knows: inverted where its border is light, the background made "
    "even, cropped to the ink, and centred as the training images are. steps: only some of these. Single files can "
    "be prepared otherwise in the table below."
)


def treatment(image_shape: tuple[int, int, int], trained: str) -> Treatment:
    """Draw the controls, in a bar: what is done to all files for a model trained on the set of this name."""
    fit = controls.choose("If the shape differs", "fit", FITS, usual_fit(trained), select=True, help=_FITS_HELP)
    recipe = controls.choose("Prepare", "prepare", (*RECIPES, STEP_BY_STEP), select=True, help=_HELP)
    how = Treatment(image_shape, fit, like=trained)
    if recipe == STEP_BY_STEP:
        chosen = controls.choose_many("Steps", "steps", list(STEPS), list(STEPS[:1]))
        return replace(how, steps=tuple(step for step in STEPS if step in chosen))
    return by_recipe(how, recipe)


def by_recipe(how: Treatment, recipe: str) -> Treatment:
    """The same but for what a recipe does."""
    if recipe == AS_ALL:
        return how
    return replace(how, invert=recipe == INVERTED, steps=STEPS if recipe == SCAN else ())


def each(how: Treatment, choices: Mapping[int, str]) -> dict[int, Treatment]:
    """What is done to the files, by their number, for which another recipe was chosen."""
    return {number: by_recipe(how, recipe) for number, recipe in choices.items() if recipe != AS_ALL}
