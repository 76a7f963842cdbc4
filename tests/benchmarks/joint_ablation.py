"""`joint` with and without each of its parts, from stored tables: `python -m tests.benchmarks.joint_ablation RUN ...`.

Prints CSV, one table a run: AUROC and the share caught at a budget of 5 % (threshold from the calibration part)
against every foreign set, for the whole score, without each part, and of each part alone.
"""

import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd

from hvae.runs.catalogue import Catalogue, catalogue
from hvae.runs.folders import find_run
from hvae.runs.settings import Setting
from hvae.scores.densities.joint import Joint
from hvae.stats import auroc

BUDGET = 0.05


def variants(parts: pd.DataFrame) -> dict[str, np.ndarray]:
    """The score, it without each part, and each part alone, `(n,)` each."""
    whole = parts.sum(axis=1)
    named = {"joint": whole}
    named |= {f"without {name}": whole - parts[name] for name in parts}
    named |= {f"{name} alone": parts[name] for name in parts}
    return {name: values.to_numpy() for name, values in named.items()}


def rows(found: Catalogue, setting: Setting) -> Iterator[dict[str, str]]:
    """One row a variant, one column a foreign set."""
    own = {split: found.find(str(found.own), setting, (split,)) for split in ("reference", "calibration", "test")}
    reference, calibration, test = (found.read(entry) for entry in own.values() if entry is not None)
    foreign = [found.read(e) for e in found.entries if e.setting == setting and e.slug != found.own]

    def of(table) -> dict[str, np.ndarray]:
        explained = Joint().explain(table, reference)
        assert explained is not None
        return variants(explained.parts)

    known, held = of(calibration), of(test)
    others = {table.metadata.slug: of(table) for table in foreign}
    for name in known:
        threshold = np.quantile(known[name], 1 - BUDGET)
        yield {"variant": name} | {
            slug: f"{auroc(held[name], values[name]).value:.4f} / {np.mean(values[name] > threshold):.3f}"
            for slug, values in others.items()
        }


def main(names: list[str]) -> None:
    """Print the tables of runs."""
    for name in names:
        found = catalogue(find_run(name))
        for setting in found.rule_settings():
            print(f"\n{name}, {setting}\n\n{pd.DataFrame(rows(found, setting)).to_csv(index=False)}")


if __name__ == "__main__":
    main(sys.argv[1:])
