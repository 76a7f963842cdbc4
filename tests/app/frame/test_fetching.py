"""A data set that is away is named with size and licence, and one press gets it as a queued job."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.frame import fetching
from app.server import limits
from hvae import datasets
from hvae.datasets import registry
from hvae.datasets.fetching.published_files import PublishedDataSet
from hvae.errors import DataError
from tests.app.conftest import finish_jobs, sound


def test_a_press_fetches_a_set_and_says_why_it_could_not(
    scored_runs: Path, visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
):
    asked: list[str] = []

    def fetch(name: str, progress: Callable[[int, int], None]) -> None:
        asked.append(name)
        progress(1024, 2048)
        if len(asked) == 1:
            raise DataError("could not download MNIST: no connection")

    monkeypatch.setattr(datasets, "fetch", fetch)
    app = visit("scores", run="first", ood=["mnist", "digits"], image="mnist:0")
    button = next(one for one in app.button if one.label == "Fetch MNIST (12 MB)")
    assert "Licences: " in (text := sound(app)) and "MNIST: CC BY-SA 3.0" in text
    button.click().run()
    finish_jobs()
    assert asked == ["mnist"] and "no connection" in sound(app.run()), "the sidebar says how it ended"
    assert not app.query_params.get("job"), "what a visitor follows stays"


def test_nothing_is_fetched_on_a_read_only_server(
    scored_runs: Path, tmp_path: Path, visit: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "limits.toml").write_text("read_only = true")
    monkeypatch.setenv(limits.VARIABLE, str(tmp_path / "limits.toml"))
    app = visit("scores", run="first", ood=["mnist"], image="mnist:0")
    assert "hvae data fetch mnist" in sound(app) and not any(one.label.startswith("Fetch") for one in app.button)


@pytest.mark.parametrize("name", ["cifar10", "svhn", "omniglot28"])
def test_the_size_that_is_said_is_that_of_the_published_files(name: str):
    one = registry._DATA_SETS[name]
    assert isinstance(one, PublishedDataSet)
    files = {path.name for split in one.info.splits for path in one.files(split, Path())}
    published = one._published()
    assert one.info.download_bytes == sum(file.size for file in {published[name] for name in files})
    assert fetching.size(0) == "size not known"
