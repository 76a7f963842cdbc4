"""Everything that a GPU is wanted for, in one call that a second one continues.

python -m tests.benchmarks.gpu --pack DIR --sets fashionmnist mnist     # where the data sets are
python -m tests.benchmarks.gpu --minutes 8 --data DIR --out OUT         # on the machine; again with --before OUT
python -m tests.benchmarks.gpu --dry-run --out OUT                      # all of it on a CPU, tiny
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import torch

from tests.benchmarks.gpu.bench import DRY, FULL, Bench
from tests.benchmarks.gpu.kept import keep, take_up
from tests.benchmarks.gpu.packed import gather, pack
from tests.benchmarks.gpu.plan import RESULTS, State, carry_out, page
from tests.benchmarks.gpu.work import tasks

WORK = Path(tempfile.gettempdir()) / "hvae-gpu"
SPARE = 12.0
"""Seconds of a call for its end: what is kept is packed then."""


def main() -> None:
    began = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=8.0, help="of this call, from its start to its end")
    parser.add_argument("--data", type=Path, help="folder of packed sets; several calls may bring some files each")
    parser.add_argument("--out", type=Path, default=Path("gpu-out"), help="folder of what comes back")
    parser.add_argument("--before", type=Path, help="folder of what came back of an earlier call, on another machine")
    parser.add_argument("--work", type=Path, default=WORK, help="folder that stays on the machine between calls")
    parser.add_argument("--pack", type=Path, metavar="DIR", help="instead: pack --sets into a folder")
    parser.add_argument("--sets", nargs="+", default=["fashionmnist", "mnist"])
    parser.add_argument("--dry-run", action="store_true", help="tiny presets on a CPU")
    asked = parser.parse_args()
    if asked.pack:
        for path in pack(asked.sets, asked.pack):
            print(f"{path}: {path.stat().st_size:,} bytes")
        return
    if asked.dry_run:
        asked.work = Path(tempfile.mkdtemp(prefix="hvae-gpu-"))
    try:
        sys.exit(run(asked, began))
    finally:
        if asked.dry_run:
            shutil.rmtree(asked.work)


def run(asked: argparse.Namespace, began: float) -> int:
    """One call; 1 where a task failed."""
    data, runs, out = asked.work / "data", asked.work / "runs", asked.out
    for folder in (data, runs, out):
        folder.mkdir(parents=True, exist_ok=True)
    scale, device = (DRY, "cpu") if asked.dry_run else (FULL, "cuda")
    if asked.dry_run:
        pack(["digits"], data)
    elif not torch.cuda.is_available():
        print("there is no CUDA device: --dry-run tries all of it on a CPU", file=sys.stderr)
        return 2
    if asked.data:
        gather(asked.data, data)
    before = asked.before or out
    if take_up(before, runs):
        print(f"runs of {before} are taken up")
    # What comes back may be emptied before the next call on the same machine.
    state = State.read([asked.work / RESULTS, out / RESULTS], before / RESULTS)
    state.about = {"device": torch.cuda.get_device_name() if device == "cuda" else "CPU", "torch": torch.__version__}
    bench = Bench(data, runs, state, scale, device)
    planned = tasks(bench, asked.dry_run)
    carry_out(planned, state, began + 60 * asked.minutes - SPARE)
    left_out = keep(runs, out, {task.name for task in planned if not state.is_done(task.name)})
    text = page(state) + "".join(f"no room for {name}\n" for name in left_out)
    (out / "results.md").write_text(text)
    print(text)
    print(f"{time.monotonic() - began:.0f} s in all")
    return int(any(held["state"] == "failed" for held in state.tasks.values()))


if __name__ == "__main__":
    main()
