"""The state of a run: held by a live process, let go by a killed one, damaged in every file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hvae.errors import CheckpointError
from hvae.files import run_lock
from hvae.runs.checkpoints import read_config
from hvae.runs.folders import find_runs
from hvae.runs.states import is_written, run_state
from hvae.runs.tensor_files import read_header
from tests.synthetic import make_run, make_tables

HOLD = """
import sys
from pathlib import Path
from hvae.files import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def state(run: Path):
    (entry,) = [entry for entry in find_runs([run.parent]) if entry.path == run]
    return run_state(entry)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"), "trained", trained=True)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A complete run of 4 epochs: no weights are built twice."""
    folder = tmp_path / "runs" / "run"
    folder.mkdir(parents=True)
    for file in trained.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def cut_history(run: Path, epochs: int) -> None:
    lines = (run / "history.csv").read_text().splitlines(keepends=True)
    (run / "history.csv").write_text("".join(lines[: epochs + 1]))


def test_training_now_as_long_as_its_process_lives(run):
    cut_history(run, 2)
    (run / "resume.pt").write_bytes(b"never read")
    process = subprocess.Popen([sys.executable, "-c", HOLD, run], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        assert state(run).state == "training now" and state(run).epochs == 2
        assert process.poll() is None and is_written(run), "asking takes nothing from the holder"
    finally:
        process.kill()
        process.communicate()
    assert state(run).state == "interrupted", "a killed process holds nothing"
    with run_lock(run):
        assert is_written(run)
    assert not is_written(run)


def test_the_states_of_a_run_nobody_writes(run):
    assert (state(run).state, state(run).epochs, state(run).reason) == ("complete", 4, "")
    cut_history(run, 3)
    assert state(run).state == "interrupted" and "cannot be continued" in state(run).reason
    (run / "resume.pt").write_bytes(b"never read")
    assert state(run).reason == "stopped after 3 of 4 epochs"
    (run / "history.csv").unlink()
    assert state(run).epochs == 0 and state(run).state == "interrupted"
    (run / "resume.pt").unlink()
    assert state(run).state == "complete", "weights that somebody passed on without their learning curve"
    (run / "model.safetensors").unlink()
    assert state(run).state == "damaged" and "no scores" in state(run).reason
    make_tables(run, ("mnist",), n=20)
    assert state(run).state == "tables only"
    (entry,) = find_runs([run.parent])
    (run / "config.json").write_text("{}")
    assert state(run).state == "damaged" and "Field required" in state(run).reason
    run.rename(run.parent / "elsewhere")
    assert run_state(entry).reason == "its folder is gone"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "history.csv is damaged"),
        (b'a,b\n"unclosed\n\xff\xfe', "history.csv is damaged"),
        (b"epoch,loss\n1,2\n", "no column 'elbo'"),
        (b"epoch,elbo\n1,<b>much</b>\n", "'elbo' holds text"),
        (b"epoch,elbo\n1,inf\n", "not finite"),
        (b"epoch,elbo\n1,\n", "not finite"),
        (b"epoch,elbo,\x1c\n1,2,\n", "not finite"),
    ],
)
def test_a_damaged_learning_curve(run, content, said):
    (run / "history.csv").write_bytes(content)
    assert state(run).state == "damaged" and said in state(run).reason
    assert str(run) not in state(run).reason and state(run).reason.isprintable()


def weights(header: dict | bytes, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def tensor(dtype: object = "F32", shape: object = (2,), offsets: object = (0, 8)) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cut short"),
        (b"\xff" * 8 + b"{}", "cut short"),
        (weights(b"[" * 100_000), "no JSON"),
        (weights(b"\xff\xfe"), "no JSON"),
        (weights(b"[]"), "no JSON object"),
        (weights({"a": 1}), "no dtype"),
        (weights({"a": tensor("I64", (1,))}, bytes(8)), "type that no weights have"),
        (weights({"a": tensor(["F32"])}, bytes(8)), "type that no weights have"),
        (weights({"a": tensor(shape=(-2,), offsets=(0, -8))}), "no small whole numbers"),
        (weights({"a": tensor(shape=(2**62,), offsets=(0, 2**64))}), "no small whole numbers"),
        (weights({"a": tensor(shape=(2.0,))}, bytes(8)), "no small whole numbers"),
        (weights({"a": tensor(shape=(3,))}, bytes(8)), "do not fit its shape"),
        (weights({"a": tensor(), "b": tensor()}, bytes(16)), "overlap"),
        (weights({"a": tensor(offsets=(8, 16))}, bytes(16)), "leave a gap"),
        (weights({"a": tensor()}, bytes(4)), "cut short or has a surplus"),
        (weights({"a": tensor()}, bytes(9)), "cut short or has a surplus"),
    ],
)
def test_a_hostile_header(tmp_path, content, said):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=said) as error:
        read_header(tmp_path / "model.safetensors")
    assert "\n" not in str(error.value)


def test_a_long_header_is_not_read(tmp_path):
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.write((2**30).to_bytes(8, "little"))
        file.truncate(2**30 + 8)
    with pytest.raises(CheckpointError, match="claims a header"):
        read_header(tmp_path / "model.safetensors")


def test_a_sound_header_names_every_weight(run):
    import math

    from hvae.models.contract import parameter_count

    stored = read_header(run / "model.safetensors")
    assert sum(math.prod(one.shape) for one in stored.values()) == parameter_count(read_config(run).model)
    (run / "model.safetensors").write_bytes((run / "model.safetensors").read_bytes()[:-5])
    assert state(run).state == "damaged" and state(run).reason.startswith("model.safetensors is cut short")


def test_states_need_no_torch(run):
    code = (
        "import sys; from pathlib import Path; from hvae.runs.folders import find_runs;"
        "from hvae.runs.states import run_state;"
        "print(run_state(find_runs([Path(sys.argv[1])])[0]).state, 'torch' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code, run.parent], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["complete", "False"]
