"""A server that is killed while it scores: after a restart what was finished is there, and the rest can be had."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from app.frame import jobs
from app.server import judgements
from tests.app.conftest import MAIN, finish_jobs, sound

ROOT = Path(__file__).resolve().parents[3]
SERVER = """
import sys
import threading

import pandas as pd
from streamlit.testing.v1 import AppTest

from app.score_images import work

work.BATCH = 2
app = AppTest.from_file(sys.argv[1], default_timeout=200)
for key, value in {"run": "clothes", "data": "fashionmnist", "ood": "", "pictures": "samples"}.items():
    app.query_params[key] = value
app.switch_page("../pages/score_images.py").run()
write, finished = pd.DataFrame.to_parquet, []


def write_three_and_a_half(frame, path, **options):
    if len(finished) == 3:
        path.write_bytes(b"PAR1 half a batch")
        print("half", flush=True)
        threading.Event().wait()
    write(frame, path, **options)
    finished.append(path)


pd.DataFrame.to_parquet = write_three_and_a_half
app.button(key="score-them").click().run()
print("job", app.session_state["job"], flush=True)
threading.Event().wait()
"""


def killed_in_the_middle(folder: Path) -> str:
    """Start a server, let it score three batches, kill it while it writes the fourth; the id of the job."""
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(MAIN)],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    try:
        assert process.stdout is not None
        # In either order: the queue has a thread of its own. A server that fails ends the lines.
        said = dict((line.split() + ["", ""])[:2] for line in (process.stdout.readline(), process.stdout.readline()))
        assert set(said) == {"half", "job"}, log.read_text()
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -9
    return said["job"]


def judged_rows(app: AppTest) -> int:
    """Rows of the table of verdicts, which stands below that of the files."""
    return len(next(one for one in app.dataframe if not str(one.key).startswith("preview")).value)


@pytest.mark.slow
def test_a_killed_server_keeps_the_finished_batches_and_the_rest_is_scored_again(
    clothes: Path, visit: Callable[..., AppTest], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    job = killed_in_the_middle(tmp_path)
    assert list(judgements.folder(job).glob(".batch-00003.*.part")), "it was killed while it wrote"
    address = {"run": "clothes", "data": "fashionmnist", "ood": "", "pictures": "samples"}
    app = visit("score_images", job=job, **address)
    text = sound(app)
    assert "This job was interrupted" in text and "6 images had been scored" in text
    assert judged_rows(app) == 6
    kept = judgements.read(job)
    assert kept is not None and len(kept) == 6 and not kept.complete

    # Beside verdicts, what asks for other images is folded.
    app.session_state["asking"] = True
    app.run().button(key="score-them").click().run()
    again = app.session_state["job"]
    finish_jobs()
    found = jobs.find(again)
    assert again != job and found is not None and found.state == "done", found
    text = sound(app.run())
    assert "interrupted" not in text and judged_rows(app) == 12
    whole = judgements.read(again)
    assert whole is not None and whole.complete
    pd.testing.assert_frame_equal(whole.frame[:6], kept.frame)
