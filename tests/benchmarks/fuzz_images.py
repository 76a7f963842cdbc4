"""A coverage-guided fuzzer of what reads files from outside: images and archives of them, runs, or checkpoints.

It needs atheris, which is no dependency of this project (`pip install atheris`, in an environment of its own beside the
project's packages). From the root of the repository, ten minutes of each target:

    python -m tests.benchmarks.fuzz_images images --out /tmp/fuzz-images --seconds 600
    python -m tests.benchmarks.fuzz_images runs --out /tmp/fuzz-runs --seconds 600
    python -m tests.benchmarks.fuzz_images checkpoints --out /tmp/fuzz-checkpoints --seconds 600

`OUT/corpus` grows between runs. What breaks a property of `tests/benchmarks/fuzz_targets.py` is written to `OUT/finds`,
one file for each place it broke at, and the fuzzing goes on; a crash of the process leaves `OUT/finds/crash-...` and
ends it. `--replay FILE` runs one such file again. Every find becomes a test with its bytes made in code.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import traceback
from pathlib import Path

import atheris

# Imported here first of all, so that every branch of theirs is counted.
COUNTED = ("PIL", "zipfile", "hvae.datasets", "hvae.config", "hvae.runs.checkpoints", "hvae.runs.tensor_files",
           "hvae.runs.importing", "hvae.runs.folders", "hvae.training.resuming", "hvae.inputs",
           "hvae.runs.score_tables", "hvae.runs.states")  # fmt: skip
with atheris.instrument_imports(include=list(COUNTED)):
    from PIL import Image

    from hvae.runs.checkpoints import read_config
    from hvae.runs.importing import contents  # noqa: F401  # imported by the first import of a run otherwise
    from tests.benchmarks import fuzz_mutations, fuzz_seeds, fuzz_targets

    # The readers of the formats.
    Image.init()

MOST_BYTES = 32_768


def main() -> None:
    """Fuzz a target until its time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", choices=["images", "runs", "checkpoints"])
    parser.add_argument("--out", type=Path, required=True, help="folder of the corpus and of what is found")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    parser.add_argument("--replay", type=Path, help="run this one file and stop")
    asked = parser.parse_args()
    if asked.target == "images":
        seeds, target = list(fuzz_seeds.images()), fuzz_targets.Images(fuzz_seeds.good())
    elif asked.target == "checkpoints":
        seeds, learnt = fuzz_seeds.checkpoints()
        target = fuzz_targets.Checkpoints(learnt)
    else:
        seeds, run = fuzz_seeds.sound_run()
        target = fuzz_targets.Runs(read_config(run))
    if asked.replay:
        target(asked.replay.read_bytes())
        return
    corpus, finds = asked.out / "corpus", asked.out / "finds"
    corpus.mkdir(parents=True, exist_ok=True)
    finds.mkdir(exist_ok=True)
    for seed in seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    print(f"{len(seeds)} seeds in {corpus}", flush=True)
    options = {
        "max_total_time": asked.seconds,
        "max_len": MOST_BYTES,
        "timeout": 60,
        "rss_limit_mb": 4096,
        "seed": asked.seed,
        "artifact_prefix": f"{finds}/",
        "print_final_stats": 1,
    }
    atheris.Setup(
        [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(corpus)],
        _noting(target, finds),
        custom_mutator=lambda data, most, seed: fuzz_mutations.mutated(data, most, seed, atheris.Mutate),
    )
    atheris.Fuzz()


def _noting(target: fuzz_targets.Target, finds: Path) -> fuzz_targets.Target:
    """The target; what breaks it is written down once for each place, and does not end the fuzzing."""

    def run(data: bytes) -> None:
        try:
            target(data)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            # Without numbers: each size would be a find of its own.
            what = "".join(one if one.isalpha() else "-" for one in str(error)[:80])
            name = f"{type(error).__name__}-{Path(place.filename).stem}-{place.lineno}-{what}"
            if not (finds / name).exists():
                (finds / name).write_bytes(data)
                print(f"FOUND {name}\n{traceback.format_exc()}", flush=True)

    return run


if __name__ == "__main__":
    main()
