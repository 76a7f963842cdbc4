import pandas as pd
from streamlit.testing.v1 import AppTest

from app.frame import components


def notes(app: AppTest) -> str:
    return "\n".join(one.value for one in app.warning)


def bound(app: AppTest, key: str) -> object:
    return app.session_state[key]


def script() -> None:
    import streamlit as st

    from app.frame import controls, state

    state.begin(st.session_state.get("page", "here"))
    k = controls.choose("k", "k", st.session_state.get("options", ["1", "2", "3"]))
    first = controls.start_box({"mnist": 10, "digits": 5}, state.ImageId("mnist", 3))
    state.say_notes()
    st.text(f"k={k} start={first}")
    st.text(state.address())
    st.text(str(state.values("scores", image="digits:4", k=None)))


def shown(app: AppTest) -> str:
    assert not app.exception, app.exception[0].stack_trace
    return app.text[0].value


def begun(**asked: str) -> AppTest:
    app = AppTest.from_function(script, default_timeout=30)
    for key, value in asked.items():
        app.query_params[key] = value
    return app.run()


def test_fallbacks_without_an_address() -> None:
    app = begun()
    assert shown(app) == "k=1 start=mnist:3"
    assert not app.warning


def test_the_address_is_followed() -> None:
    assert shown(begun(k="3", start="digits:2")) == "k=3 start=digits:2"


def test_what_the_address_cannot_have_is_said_with_what_there_is() -> None:
    app = begun(k="9", start="svhn:1", colour="<b>red</b>")
    assert shown(app) == "k=1 start=mnist:3"
    assert "`9`" in notes(app) and "`2`" in notes(app)
    assert "`svhn:1`" in notes(app) and "`digits:0` to `digits:4`" in notes(app)
    assert "`colour`" in notes(app) and "<b>" not in notes(app)


def test_notes_stay_while_the_page_does_and_go_with_it() -> None:
    app = begun(k="9").run()
    assert "`9`" in notes(app)
    app.session_state["page"] = "elsewhere"
    app.query_params.clear()
    assert not app.run().warning


def test_a_choice_is_kept_and_stands_in_the_link() -> None:
    app = begun()
    app.segmented_control(key="k").set_value("2").run()
    assert shown(app) == "k=2 start=mnist:3"
    assert "k=2" in app.text[1].value and "start=mnist:3" in app.text[1].value
    assert app.text[2].value == str({"image": "digits:4"})


def test_a_choice_that_disappears_falls_back() -> None:
    app = begun(k="3")
    app.session_state["options"] = ["1", "2"]
    assert shown(app.run()) == "k=1 start=mnist:3"


def test_previous_and_next_go_round() -> None:
    app = begun(start="digits:4")
    app.button(key="_start1").click().run()
    assert shown(app) == "k=1 start=digits:0"
    app.button(key="_start-1").click().run()
    assert shown(app) == "k=1 start=digits:4"


def test_a_typed_image_that_is_not_there_is_said() -> None:
    app = begun()
    app.text_input(key="start").set_value("mnist:10").run()
    assert shown(app) == "k=1 start=mnist:3"
    assert "`mnist:10`" in notes(app)


def test_the_selection_follows_the_address(scored_runs, visit) -> None:
    app = visit("overview", run="second", data="mnist", ood=["digits"], versus="first")
    assert [bound(app, key) for key in ("run", "versus", "data", "ood")] == ["second", "first", "mnist", ["digits"]]
    assert not app.warning


def test_unknown_selections_are_said(scored_runs, visit) -> None:
    app = visit("overview", run="gone", versus="gone too", data="nothing", ood=["mnist", "no-such-set"])
    assert not app.exception
    for asked in ("`gone`", "`gone too`", "`nothing`", "`no-such-set`"):
        assert asked in notes(app)
    assert "`first`" in notes(app)
    assert bound(app, "run") == "first" and bound(app, "ood") == ["mnist"]


def test_changing_the_run_changes_its_sets(scored_runs, visit) -> None:
    app = visit("overview")
    assert bound(app, "data") == "fashionmnist"
    app.selectbox(key="run").set_value("second").run()
    assert bound(app, "data") == "mnist"
    assert bound(app, "ood") == ["digits", "fashionmnist"], "those whose images are here come first"
    assert app.selectbox(key="versus").options == ["none", "first"]


def test_menus_have_titles_and_the_address_slugs(scored_runs, visit) -> None:
    app = visit("overview", data="fashionmnist", ood=["mnist", "digits"])
    familiar, others = app.selectbox(key="data-menu"), app.multiselect(key="ood-menu")
    assert {"FashionMNIST", "MNIST", "Digits (scikit-learn)"} < set(
        familiar.options
    ) and "mnist" not in familiar.options
    assert familiar.value == "fashionmnist" and others.value == ["mnist", "digits"]
    others.set_value(["digits"]).run()
    app.selectbox(key="data-menu").set_value("mnist").run()
    assert bound(app, "data") == "mnist" and bound(app, "ood") == ["digits"]
    assert "data=mnist&ood=digits" in app.code[-1].value and "MNIST" not in app.multiselect(key="ood-menu").options


def test_cells_of_html_are_printed_as_the_page_shows_them() -> None:
    long = f"{'a' * 40}<b>.png"
    cell = f"{components.named(long)}<br>z<sub>1</sub> {components.mark('<i>')}"
    assert components.plain(cell) == f"{long} z1 <i>"
    assert "{}[1].png" in components.printed(pd.DataFrame({"a": ["[1].png"], "b": ["[2]"]}), "two")
