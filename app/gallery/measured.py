"""By which score images are judged where a gallery stands: score, level, false alarms, and which tables."""

from collections.abc import Sequence

from streamlit.delta_generator import DeltaGenerator

from app.frame import controls
from app.reading import choosing, measures
from app.reading import view as views
from app.reading.measures import Threshold
from app.reading.view import View
from hvae.runs.catalogue import Catalogue


def choose_view(found: Catalogue, data: str, ood: Sequence[str]) -> tuple[View, Threshold, DeltaGenerator]:
    """Draw the toolbar; what it names, and the room in it for the controls of the page.

    `data` is scored under one setting at least. Raises a TableError.
    """
    about = next(entry.metadata for entry in found.entries if entry.slug == data)
    toolbar = controls.toolbar()
    with toolbar:
        room = controls.bar("measured", width="content")
    with controls.advanced(toolbar):
        score = choosing.choose_score(about)
        k = choosing.choose_level(score, about.depth)
        alarm = controls.decimal(
            "False alarms allowed (%)", "alarm", 0.1, 50.0, 5.0, step=0.1,
            help="How many of the in-distribution test images may be called OOD by mistake. The threshold is the "
                 "lowest that keeps to it.",
        )  # fmt: skip
        setting = choosing.choose_setting(found.settings(data))
    view = views.view(found, data, ood, setting, measures.Measure(score(k), score.units[0]), alarm / 100, "nats")
    return view, measures.threshold(view.inside.scores, view.budget), room
