"""A threshold that somebody chose, as a file: the rule of a run, the budget, and how images are prepared for it.

Whoever judges with the file judges as was chosen, or is told in one line why that cannot be. Imports no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from hvae.config import Frozen, first_problem
from hvae.datasets.own.preparing import Treatment
from hvae.errors import CheckpointError, ConfigError
from hvae.inputs import read_bytes
from hvae.runs.settings import Setting
from hvae.verdicts.rule import Rule, Statistic

MOST_BYTES = 100_000


class ChosenRule(Frozen):
    """Everything that decides which images raise an alarm."""

    kind: Literal["hvae rule"] = "hvae rule"
    version: Literal[1] = 1
    run: Annotated[str, Field(min_length=1, max_length=200)]
    weights_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    setting: Setting
    score: Annotated[str, Field(min_length=1, max_length=100)]
    statistic: Statistic
    two_sided: bool
    pixels: bool
    alpha: Annotated[float, Field(gt=0, lt=1)]
    """Share of false alarms allowed."""
    n_reference: Annotated[int, Field(ge=1)]
    n_calibration: Annotated[int, Field(ge=1)]
    fit: Literal["pad", "extend", "crop", "squash"]
    invert: bool = False
    prepare: tuple[str, ...] = ()

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments of `hvae.verdicts.rule.rule` but the catalogue and the setting."""
        names = ("score", "statistic", "two_sided", "pixels")
        return {name: getattr(self, name) for name in names}

    def require(self, rule: Rule) -> None:
        """Refuse a rule that is another than the one chosen.

        Raises:
            CheckpointError: other weights, or parts of another size.
        """
        if rule.weights_sha256 != self.weights_sha256:
            raise CheckpointError(
                f"{rule.run} has other weights than the rule was chosen for ({self.run}, {self.weights_sha256[:12]}): "
                "choose a threshold for these weights"
            )
        held, chosen = (len(rule.reference), len(rule.calibration)), (self.n_reference, self.n_calibration)
        if held != chosen or rule.pixels != self.pixels:
            what = (
                "the pixels of its parts are not measured" if held == chosen else f"its parts hold {held}, not {chosen}"
            )
            raise CheckpointError(f"{rule.run} was scored anew since the rule was chosen ({what}): choose it again")


def chosen(rule: Rule, alpha: float, how: Treatment) -> ChosenRule:
    """What is to be kept of a rule at a budget, for images prepared like this."""
    return ChosenRule(
        run=rule.run,
        weights_sha256=rule.weights_sha256,
        setting=rule.setting,
        score=rule.score,
        statistic=rule.statistic,
        two_sided=rule.two_sided,
        pixels=rule.pixels,
        alpha=alpha,
        n_reference=len(rule.reference),
        n_calibration=len(rule.calibration),
        fit=how.fit,  # type: ignore[arg-type]
        invert=how.invert,
        prepare=how.steps,
    )


def read_chosen(path: Path) -> ChosenRule:
    """The rule in a file.

    Raises:
        ConfigError: no such file, or one that holds no rule: one line.
    """
    try:
        return ChosenRule.model_validate_json(read_bytes(path, MOST_BYTES))
    except OSError as error:
        raise ConfigError(f"the rule {path} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise ConfigError(f"{path} is no rule that this version reads: {first_problem(error)}") from None
