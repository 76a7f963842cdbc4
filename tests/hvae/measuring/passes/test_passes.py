"""Passes on a device: how many lanes, halved where memory runs out, and noise drawn ahead or counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from hvae import datasets
from hvae.errors import ConfigError
from hvae.measuring.noise import EvaluationNoise
from hvae.measuring.passes.ahead import Ahead
from hvae.measuring.passes.counted import Address, CountedNoise, normals, philox, prepare, uniforms
from hvae.measuring.passes.sizes import LEAST_IMAGES, MOST_LANES, Lanes, fitting
from hvae.measuring.passes.together import Check, side_by_side
from hvae.measuring.scorer import Scorer
from hvae.models.hierarchical_model import HierarchicalModel
from hvae.runs.settings import Setting
from hvae.scores.base import unlike
from tests.hvae.tables import metadata
from tests.synthetic import make_run

CPU = torch.device("cpu")
SHAPES = ((2, 3, 3), (5,))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many of PyTorch within, as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_published_words(counter: list[int], key: list[int], words: str) -> None:
    """The known answers of philox4x32-10 in Random123 (Salmon et al., 2011)."""
    made = philox(tuple(torch.tensor(one) for one in counter), (key[0], key[1]))  # type: ignore[arg-type]
    assert " ".join(f"{int(one):08x}" for one in made) == words


def test_counted_noise_depends_on_the_address_alone() -> None:
    index = np.array([5, 2**40 + 3, 7])

    def drawn(rows: np.ndarray, samples: Sequence[int], draw: int = 0, key: str = "set.test") -> torch.Tensor:
        noise = CountedNoise(1, key, rows, draw, samples, SHAPES)
        assert noise("inference", 0, SHAPES[0]) is noise("inference", 0, SHAPES[0])
        parts = [
            noise(walk, layer, SHAPES[layer]).flatten(1) for walk in ("inference", "generation") for layer in (0, 1)
        ]
        return torch.cat(parts, 1).unflatten(0, (len(samples), len(rows)))

    whole = drawn(index, [0, 1, 2])
    assert torch.equal(whole[1:, [2]], drawn(index[[2]], [1, 2]))
    others = [drawn(index, [0, 1, 2], draw=1), drawn(index, [0, 1, 2], key="set.train"), drawn(index + 1, [0, 1, 2])]
    values = torch.stack([whole, *others]).flatten()
    assert len(values.unique()) == len(values), "no two share a number"


def test_counted_noise_is_normal_and_uniform() -> None:
    address = Address(0, "set.test", "normal", np.arange(500), 0, CPU)
    numbers = normals(address, [0, 1], 0, 101).double().flatten()
    assert abs(numbers.mean()) < 0.015 and abs(numbers.var() - 1) < 0.02 and abs((numbers**4).mean() - 3) < 0.15
    neighbours = torch.corrcoef(torch.stack([numbers[:-1], numbers[1:]]))[0, 1]
    assert abs(neighbours) < 0.015
    shares = uniforms(address, 102).double()
    assert shares.shape == (500, 102) and shares.min() >= 0 and shares.max() < 1
    assert abs(shares.mean() - 0.5) < 0.006 and abs(shares.var() - 1 / 12) < 0.002


def test_counted_images_are_prepared_as_others() -> None:
    images = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16).repeat(400, 0)
    index = np.arange(400)
    drawn = prepare(images, "binarise", 0, "set.test", index, 0, CPU)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.mean(0).flatten(), np.arange(256) / 255, atol=0.12)
    assert torch.equal(prepare(images, "integer", 0, "", index, 0, CPU), torch.from_numpy(images).float() / 255)
    assert torch.equal(prepare(images, "threshold", 0, "", index, 0, CPU), torch.from_numpy(images >= 128).float())


def test_noise_drawn_ahead_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hvae.measuring.noise._ROWS", 3)
    begun: list[tuple[int, ...]] = []

    def make(samples: Sequence[int]) -> EvaluationNoise:
        begun.append(tuple(samples))
        return EvaluationNoise(0, "set.test", np.arange(10), 0, samples, SHAPES)

    with ThreadPoolExecutor(2) as pool:
        ahead = Ahead(make, 6, 2, pool)
        for number, group in enumerate(([0], [1, 2], [3, 4], [5])):
            found = ahead(group)
            assert len(begun) == min(number + 2, 4), "the next group is begun, and none beyond the last"
            plain = EvaluationNoise(0, "set.test", np.arange(10), 0, group, SHAPES)
            for walk in ("inference", "generation"):
                assert torch.equal(found(walk, 1, (5,)), plain(walk, 1, (5,)))


def test_lanes_fit_what_is_free() -> None:
    assert fitting(10**9, 2e5, 256) == 2976 and fitting(10**9, 2e5, 256) % LEAST_IMAGES == 0
    assert fitting(10**9, 1, 256) == MOST_LANES
    assert fitting(10**6, 2e5, 256) == 256, "at least what was asked for"
    lanes = Lanes(256, CPU)
    assert (lanes.images(1), lanes.images(64)) == (256, LEAST_IMAGES)
    assert (lanes.images(1, 2), lanes.images(1, 16), lanes.images(64, 2)) == (128, LEAST_IMAGES, LEAST_IMAGES)
    gpu = Lanes(4096, torch.device("cuda"))
    assert (gpu.images(1), gpu.images(1000)) == (4096, 256)


def test_a_pass_that_needs_too_much_memory_is_made_in_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, "run", trained=True)
    images = datasets.load("glyphs", "test").images[:90]
    fabric = Fabric(accelerator="cpu", devices=1)

    settings = Setting(), Setting(samples=3), Setting(noise=2)

    def values(how: Setting) -> np.ndarray:
        return Scorer(run, how, fabric, 128).values(images, "set.test", np.arange(90))

    with threads(1):
        plain = [values(one) for one in settings]
    tried: list[int] = []
    measure = HierarchicalModel.measure

    def little(self: HierarchicalModel, x: torch.Tensor, noise: object, *, per_pass: int, **rest: object) -> object:
        tried.append(len(x) * per_pass)
        if tried[-1] > most:
            raise torch.OutOfMemoryError("out of memory")
        return measure(self, x, noise, per_pass=per_pass, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(HierarchicalModel, "measure", little)
    assert not np.allclose(plain[2], plain[0])
    for how, expected in zip(settings, plain, strict=True):
        most = 64
        tried.clear()
        with threads(1):
            halved = values(how)
        # Random weights: values of 10^6 nats, in which fp32 holds five digits after sums of another order.
        np.testing.assert_allclose(halved, expected, rtol=1e-5)
        assert tried[0] > 64 == tried[1] and max(tried[1:]) == 64, "halved once, and for good"
    most = 16
    with pytest.raises(torch.OutOfMemoryError):
        values(Setting())


def test_passes_side_by_side_give_the_same_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, fabric = make_run(tmp_path, "run", trained=True), Fabric(accelerator="cpu", devices=1)
    images = datasets.load("glyphs", "test").images[:90]
    met: dict[threading.Thread, int] = {}
    measure = HierarchicalModel.measure

    def noted(self: HierarchicalModel, *what: object, **rest: object) -> object:
        met[threading.current_thread()] = torch.get_num_threads()
        return measure(self, *what, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(HierarchicalModel, "measure", noted)
    for how in (Setting(), Setting(samples=3, draws=2, noise=2)):
        found: list[np.ndarray] = []
        for cores in (1, 2, 7):
            met.clear()
            with threads(cores):
                found.append(Scorer(run, how, fabric).values(images, "set.test", np.arange(90)))
                assert torch.get_num_threads() == cores >= sum(met.values()), "never more, and left as it was"
        assert found[0].shape[:2] == (how.draws, 90)
        np.testing.assert_array_equal(found[1], found[0])
        np.testing.assert_array_equal(found[2], found[0])


@pytest.mark.parametrize("error", [ValueError("weights"), KeyboardInterrupt()])
@pytest.mark.parametrize("fails", ["main", "worker"])
def test_a_pass_that_fails_stops_those_beside_it(error: BaseException, fails: str) -> None:
    begun, meeting = [], threading.Barrier(2)

    def job(check: Check) -> None:
        begun.append(threading.current_thread())
        meeting.wait(10)
        if (threading.current_thread() is threading.main_thread()) == (fails == "main"):
            raise error
        while True:
            check()

    with threads(2):
        with pytest.raises(type(error)) as raised:
            side_by_side([job] * 20)
        assert raised.value is error and torch.get_num_threads() == 2
    assert len(begun) == 2 and not begun[1 if begun[0] is threading.main_thread() else 0].is_alive()


def test_tables_of_two_versions_of_noise_are_never_compared(tmp_path: Path) -> None:
    assert Setting(noise=2) != Setting() and "noise 2" in str(Setting(noise=2))
    assert Setting(noise=2).options.endswith("--noise 2")
    with pytest.raises(ConfigError, match="noise"):
        Setting.of(noise=3)
    one, two = metadata(), metadata(noise=2)
    assert one.setting == replace(two.setting, noise=1) != two.setting
    said = unlike(two, one)
    assert said is not None and "noise = 2" in said and "noise = 1" in said
