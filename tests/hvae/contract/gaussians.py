"""Gaussian vectors as affine functions of noise: what an oracle of linear models computes with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Conditional:
    """N(matrix @ parent + offset, diag(scale^2))."""

    matrix: np.ndarray
    offset: np.ndarray
    scale: np.ndarray


@dataclass(frozen=True)
class Variable:
    """offset + matrix @ noise: a Gaussian vector as an affine function of all the noise of a pass."""

    offset: np.ndarray
    matrix: np.ndarray

    def given(self, conditional: Conditional) -> Variable:
        """The mean of a conditional distribution whose parent this is."""
        return Variable(conditional.matrix @ self.offset + conditional.offset, conditional.matrix @ self.matrix)

    def plus(self, scale: np.ndarray, columns: slice) -> Variable:
        """A sample around this mean, with its own columns of the noise."""
        matrix = self.matrix.copy()
        matrix[:, columns] += np.diag(scale)
        return Variable(self.offset, matrix)

    def minus(self, other: Variable) -> Variable:
        return Variable(self.offset - other.offset, self.matrix - other.matrix)

    def beside(self, other: Variable) -> Variable:
        """Both as one vector."""
        return Variable(np.concatenate([self.offset, other.offset]), np.concatenate([self.matrix, other.matrix]))

    def towards(self, other: Variable, weight: np.ndarray) -> Variable:
        """This where the weight of an element is 0, the other where it is 1."""
        offset = (1 - weight) * self.offset + weight * other.offset
        return Variable(offset, (1 - weight[:, None]) * self.matrix + weight[:, None] * other.matrix)


@dataclass(frozen=True)
class Term:
    """sign * log N(residual; 0, diag(scale^2))."""

    sign: int
    residual: Variable
    scale: np.ndarray

    def value(self, noise: np.ndarray) -> np.ndarray:
        """(lanes,) for noise (lanes, columns)."""
        standard = (self.residual.offset + noise @ self.residual.matrix.T) / self.scale
        return self.sign * (-0.5 * (standard**2).sum(1) + self._constant)

    def expectation(self) -> float:
        offset, matrix = self.residual.offset / self.scale, self.residual.matrix / self.scale[:, None]
        return self.sign * (-0.5 * ((offset**2).sum() + (matrix**2).sum()) + self._constant)

    @property
    def _constant(self) -> float:
        return -np.log(self.scale).sum() - 0.5 * len(self.scale) * np.log(2 * np.pi)


@dataclass(frozen=True)
class LogWeight:
    """Terms whose sum is log w."""

    likelihood: Term
    ratios: tuple[tuple[Term, Term] | None, ...]

    @property
    def terms(self) -> list[Term]:
        return [self.likelihood, *(term for pair in self.ratios if pair is not None for term in pair)]

    def value(self, noise: np.ndarray) -> np.ndarray:
        return sum((term.value(noise) for term in self.terms), np.zeros(len(noise)))

    def expectation(self) -> float:
        return sum(term.expectation() for term in self.terms)

    def ratio(self, layer: int, noise: np.ndarray) -> np.ndarray:
        """log r of a layer (0 = lowest) for given noise."""
        pair = self.ratios[layer]
        assert pair is not None
        return pair[0].value(noise) + pair[1].value(noise)


@dataclass(frozen=True)
class Inferred:
    """What the upward walk makes of one layer: q's parent, its Gaussian's mean and its draw."""

    parent: Variable
    mean: Variable
    value: Variable


@dataclass(frozen=True)
class Drawn:
    """One layer of the generative walk; `mean` and `scale` are q's, None where z came from the prior."""

    z: Variable
    prior_mean: Variable
    mean: Variable | None = None
    scale: np.ndarray | None = None
