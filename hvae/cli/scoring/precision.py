"""What `--precision` asks for: a precision, or that one be chosen for each run."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hvae.cli.processes import is_first
from hvae.cli.terminal import warn

if TYPE_CHECKING:
    from hvae.runs.folders import RunEntry
    from hvae.runs.settings import Setting

AUTO = "auto"


def setting_for(run: RunEntry, how: dict[str, Any], machine: dict[str, Any]) -> Setting:
    """How a run is scored on a `machine` as of `measure.score`; what was chosen for it is said on stderr."""
    from hvae.measuring.precision.choosing import choose
    from hvae.runs.settings import Setting

    # It would tell of every scorer that computes in bf16.
    logging.getLogger("lightning_fabric.utilities.rank_zero").setLevel(logging.WARNING)
    if how["precision"] != AUTO:
        return Setting.of(**how)
    setting = Setting.of(**{name: value for name, value in how.items() if name != "precision"})
    alone = machine.get("shard") is None and machine.get("devices", 1) * machine.get("nodes", 1) == 1
    choice = choose(run, setting, accelerator=machine["accelerator"], alone=alone)
    if choice.why and is_first():
        warn(f"{run.name} is scored in {choice.why}")
    return replace(setting, precision=choice.precision)
