"""Train: a folder of one's own becomes a model that judges, without a terminal."""

import streamlit as st

from app.frame import components, state
from app.looks.wording import literal
from app.server import access, trainings
from app.training import asking, following, live

COMMAND = "hvae train photos-lite --data folder:PATH --then-score"


def page() -> None:
    """The page."""
    components.heading(
        "Train",
        "Give images of the normal kind: a folder, a zip archive or an array. They are checked, then a model "
        "learns them. From then on it says whether new images are of another kind.",
    )
    run = following.followed()
    shown = state.selection().run
    if shown is None:
        st.info("No run was found: train the first one here.")
    elif shown.config is None:
        st.caption(literal(f"{shown.name} of the sidebar cannot be used: {shown.problem}. A new model needs none."))
    if not trainings.possible() or not access.may_train():
        why = access.READ_ONLY if trainings.possible() else "Training in the browser needs Linux or macOS."
        st.info(f"{why} So no model is trained here. Whoever runs the dashboard can train one on its computer:")
        components.code(COMMAND)
        if run:
            live.show(run)
        return
    if run:
        live.show(run)
        st.button("Train another", key="train-another", on_click=following.look_at, args=("",))
        if said := live.command(run):
            components.footer(said)
        return
    earlier = trainings.known()[:8]
    if (given := asking.given()) is None:
        if earlier:
            components.section("Trained here")
            for one in earlier:
                look = {"on_click": following.look_at, "args": (one.run,)}
                st.button(literal(one.run), key=f"see-{one.run}", type="tertiary", **look)
        components.footer(COMMAND)
        return
    source, title, stamp = given
    if found := asking.checked(source, stamp):
        asking.model(found, title, source, stamp)
    else:
        components.footer(COMMAND)


page()
