"""Every page of the dashboard against whatever a folder of runs, an address or a data set may be.

A page joins by standing in `app.frame.registry.PAGES`. Folders of runs are built once and shared; a page that passes
must not fail unexpectedly, has to say what is wrong, and to offer a way on.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from app.frame import parts, registry
from app.looks.wording import quoted
from hvae.runs.folders import find_run
from hvae.runs.importing.bundles import bundle_tables
from hvae.runs.score_tables import METADATA_KEY
from tests.app.conftest import explains, forget, look_in, open_page, sound
from tests.synthetic import make_run, make_tables

PAGES = registry.names()
VIEWS = [(page, {}) for page in PAGES] + [
    (page, {key: part}) for page, (key, offered) in parts.PARTS.items() for part in offered[1:] if part != parts.SEEDS
]
"""Every page as it opens, and every part of one that does not show itself then; seeds have no twin here."""
READ_SCORES = [page for page in PAGES if page in ("overview", "scores", "compare", "baselines", "gallery")]
"""Pages that cannot do without the score tables of run A."""
NEED_THE_MODEL = ("reconstructions", "features", "score_images", "how_it_works", "map")
"""Pages that say where the weights of a run would have to be that was bundled without them."""
WAY_ON = re.compile(r"hvae [a-z]+ [a-z]|Choose |choose |Available: |score it again|update hvae|Import|reload")
OWN, OTHER = "fashionmnist.test.mean.S1.R1.seed0.parquet", "mnist.test.mean.S1.R1.seed0.parquet"
NONSENSE = {
    "run": "<b>lost</b>",
    "versus": "nobody",
    "data": "../x",
    "ood": ["svhn9", "digits"],
    "score": "best",
    "k": "99",
    "S": "0",
    "R": "-1",
    "reading": "loud",
    "unit": "miles",
    "alarm": "200",
    "image": "mnist:7<script>",
    "seed": "-3",
    "rows": "1e9",
    "layers": "qqqqqqqq",
    "colour": "red",
}
"""Values of an address that no page can have, except for one of the sets."""

Open = Callable[..., AppTest]


@pytest.fixture(scope="module")
def visit() -> Iterator[Open]:
    """`open_page` on one server for all tests: what a page has read and drawn is kept for the next, as it is for users.

    Everything kept is named by the folder of runs and by the time of its files, so no test sees what another made.
    """
    yield open_page
    forget()


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of runs by what is the matter with them."""
    root = tmp_path_factory.mktemp("folders")
    folders = {name: root / name for name in ("none", "one", "damaged", "unscored", "schema", "shapes", "light")}
    for folder in folders.values():
        folder.mkdir()
    make_tables(make_run(folders["one"], "only"), ("fashionmnist", "mnist"), n=60)

    (folders["damaged"] / "broken").mkdir()
    (folders["damaged"] / "broken" / "config.json").write_text('{"surprise": "<script>alert(1)</script>"}')
    later = make_run(folders["damaged"], "later")
    config = json.loads((later / "config.json").read_text()) | {"model": {"kind": "diffusion"}}
    (later / "config.json").write_text(json.dumps(config))
    odd = make_run(folders["damaged"], "odd", trained=True)
    (odd / "model.safetensors").write_bytes(b"\xff" * 64)
    (odd / "history.csv").write_bytes(b'a,b\n"unclosed\n\xff\xfe')
    make_tables(odd, ("fashionmnist", "mnist", "digits"), n=60, parts=False)
    (odd / "scores" / OTHER).write_bytes(b"PAR1 nothing")
    half = make_run(folders["damaged"], "half")
    make_tables(half, ("fashionmnist", "mnist"), n=60, parts=False)
    (half / "scores" / OWN).write_bytes(b"PAR1 nothing")

    make_run(folders["unscored"], "unscored")

    later = make_run(folders["schema"], "later")
    for path in make_tables(later, ("fashionmnist", "mnist"), n=60, parts=False):
        table = pq.read_table(path)
        metadata = table.schema.metadata[METADATA_KEY].replace(b'"schema_version":3', b'"schema_version":7')
        pq.write_table(table.replace_schema_metadata({METADATA_KEY: metadata}), path)

    for name, depth in (("flat", 1), ("deep", 5)):
        run = make_run(folders["shapes"], name, depth=depth, trained=True)
        make_tables(run, ("fashionmnist", "mnist", "digits"), n=60)
    colour = ("cifar10", "mnist-as-32x32-colour", "digits-as-32x32-colour")
    for name, depth, family in (("colour", 2, "bottom-up"), ("biva", 10, "bidirectional")):
        run = make_run(folders["shapes"], name, depth, (3, 32, 32), trained=True, data="cifar10", family=family)
        make_tables(run, colour, n=60)

    whole = make_run(folders["light"], "whole", depth=2, trained=True)
    make_tables(whole, ("fashionmnist", "mnist", "digits"), n=60)
    bundle_tables(find_run(str(whole)), folders["light"] / "light", (), (), pytest.fail)
    return folders


@pytest.fixture
def among(folders: dict[str, Path], visit: Open, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Open]:
    """Point the dashboard at one of the folders: `among("one")("scores", k="2")`. No data set is downloaded."""

    def look(name: str) -> Open:
        look_in(monkeypatch, folders[name], folders["none"].parent / "nowhere")
        return visit

    return look


@pytest.mark.parametrize("page", PAGES)
def test_no_run(page: str, among) -> None:
    text = sound(among("none")(page, run="lost", k="3", image="mnist:1"))
    assert "No run was found" in text and "`lost`" in text
    assert "hvae train" in text


@pytest.mark.parametrize(("page", "part"), VIEWS)
def test_one_run_whose_images_are_not_here(page: str, part: dict, among) -> None:
    app = among("one")(page, image="mnist:7", **part)
    assert "only" in sound(app)
    assert not app.error


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("values", [{}, {"run": "second", "versus": "first", "data": "mnist", "ood": ["fashionmnist"]}])
def test_two_runs(page: str, values: dict, scored_runs: Path, visit: Open) -> None:
    app = visit(page, **values)
    text = sound(app)
    assert not app.warning and not app.error
    explains(app)
    if values:
        assert app.session_state["run"] == "second" and app.session_state["versus"] == "first"
        if "Copy link" in text:
            assert "run=second" in text and "versus=first" in text, "it spells the values out"
    else:
        app.multiselect(key="ood").set_value([]).run()
        sound(app)


@pytest.mark.parametrize(("page", "part"), VIEWS)
@pytest.mark.parametrize("run", ["broken", "later", "odd", "half"])
def test_a_damaged_run(page: str, part: dict, run: str, among) -> None:
    text = sound(among("damaged")(page, run=run, **part))
    assert "<script>" not in text
    assert WAY_ON.search(text)
    if run in ("broken", "later"):
        assert "config.json" in text
        assert run == "broken" or "not 'diffusion': update hvae" in text
    elif page in READ_SCORES:
        assert f"{OTHER if run == 'odd' else OWN} is no readable parquet file" in text


@pytest.mark.parametrize(("page", "part"), VIEWS)
@pytest.mark.parametrize("beside", [{}, {"versus": "whole"}])
def test_a_run_bundled_without_its_weights(page: str, part: dict, beside: dict, folders: dict, among) -> None:
    app = among("light")(page, run="light", **part, **beside)
    text = sound(app)
    assert not app.error and not app.warning
    needed = "light: bundled without its weights, which would have to be light/model.safetensors"
    assert text.count(needed) == (page in NEED_THE_MODEL), "one line says so, where it matters"
    assert str(folders["light"]) not in text, "no visitor needs to know where the server keeps its runs"
    if page == "overview" or (page == "runs" and part.get("about") != parts.IMPORT):
        assert ">tables only</span>" in text
    if page == "runs" and part.get("about") == parts.COMMANDS:
        assert "hvae runs check light" in text and "hvae score light" not in text
    if page in READ_SCORES:
        assert "AUROC" in text, "its numbers need no weights"


@pytest.mark.parametrize("page", ["reconstructions", "features", "score_images"])
def test_beside_a_run_bundled_without_its_weights(page: str, among) -> None:
    app = among("light")(page, run="whole", versus="light")
    said = (
        r"light \(bundled without weights\)"
        if page == "score_images"
        else (r"light`?( is left out: |: )bundled without its weights, which would have to be ")
    )
    assert re.search(said, sound(app))
    assert not app.error


def test_a_run_bundled_without_its_weights_lacks_a_set(among) -> None:
    text = sound(among("light")("scores", run="light", data="notmnist"))
    assert "light has no scores of notMNIST, and none can be made: bundled without its weights" in text
    assert WAY_ON.search(text) and "hvae score light --data notmnist" not in text


@pytest.mark.parametrize("page", READ_SCORES)
def test_a_run_without_scores(page: str, among) -> None:
    assert "hvae score unscored --data fashionmnist" in sound(among("unscored")(page))


@pytest.mark.parametrize(("page", "part"), VIEWS)
def test_a_table_of_another_schema_version(page: str, part: dict, among) -> None:
    text = sound(among("schema")(page, **part))
    if page in READ_SCORES:
        assert f"{OWN} is of schema 7, this version of hvae reads 2 and 3: update hvae" in text


@pytest.mark.parametrize(("page", "part"), VIEWS)
@pytest.mark.parametrize("run", ["flat", "deep", "colour", "biva"])
def test_one_layer_to_ten_layers_and_colour(page: str, part: dict, run: str, among) -> None:
    beside = {"colour": {"versus": "biva", "also": ["biva"]}, "biva": {"versus": "colour"}}.get(run, {})
    app = among("shapes")(page, run=run, **part, **beside)
    assert run in sound(app)
    assert not app.error


@pytest.mark.parametrize("page", PAGES)
def test_an_address_that_asks_for_nonsense(page: str, scored_runs: Path, visit: Open) -> None:
    text = sound(visit(page, **NONSENSE))
    assert "<b>lost" not in text and "<script>" not in text
    for value in (NONSENSE["run"], "nobody", "../x", "svhn9", "colour"):
        assert f"`{quoted(value)}`" in text
    assert "Available: " in text
    if page == "scores":
        for value in ("best", "99", "loud", "miles", "200"):
            assert f"`{value}`" in text
        assert f"no image `{quoted(NONSENSE['image'])}`" in text


@pytest.mark.parametrize("page", PAGES)
def test_a_run_deleted_while_it_is_open(page: str, folders: dict[str, Path], root: Path, visit: Open) -> None:
    shutil.copytree(folders["one"] / "only", root / "gone")
    shutil.copytree(folders["one"] / "only", root / "stays")
    app = visit(page, run="gone")
    assert "gone" in sound(app)
    shutil.rmtree(root / "gone" / "scores")
    assert WAY_ON.search(sound(app.run()))
    shutil.rmtree(root / "gone")
    text = sound(app.run())
    assert app.session_state["run"] == "stays"
    assert "`gone` is gone: deleted" in text, "the page says why it shows another"
    shutil.rmtree(root / "stays")
    assert "No run was found" in sound(app.run())
