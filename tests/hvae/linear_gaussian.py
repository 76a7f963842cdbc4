"""Linear-Gaussian hierarchies in closed form: the oracle of every bound.

A model without activations, whose scales are constant, makes x and every z jointly Gaussian. `LinearGaussian` reads
the linear maps off the production modules, walks them in NumPy, and so knows log p(x),
the log-weight of any proposal for given noise, and its expectation, all without the code under test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import multivariate_normal
from torch import Tensor, nn

from hvae.config import LatentConfig, ModelConfig, StageConfig
from hvae.latents import Evidence, SharedNoise, Walk
from hvae.models.hierarchical import HierarchicalVAE
from hvae.proposal import Draw, Proposal, sample_proposal
from hvae.stages.bottom_up import BottomUpStage

IMAGE = (1, 2, 2)
PIXELS = 4


def linear_model(sizes: Sequence[int], seed: int = 0) -> HierarchicalVAE:
    """A random linear-Gaussian hierarchy with dense latents of these sizes, lowest first, and constant scales."""
    config = ModelConfig(
        image_shape=IMAGE,
        stages=tuple(StageConfig(blocks=(), latent=LatentConfig(kind="dense", size=size)) for size in sizes),
        likelihood="gaussian",
        activation="identity",
        skips=False,
    )
    torch.manual_seed(seed)
    model = HierarchicalVAE(config).requires_grad_(False)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.normal_(0, 0.3)
    freeze_scales(model)
    return model


def freeze_scales(model: HierarchicalVAE) -> None:
    """Make every scale of the model constant: the rows of its scale outputs get a gain of zero."""
    layers: list[nn.Module] = [model.likelihood.moments]
    for stage in bottom_up(model):
        layers += [layer.parameters_of for layer in (stage.posterior, stage.conditional_prior) if layer is not None]
    for layer in layers:
        gain = layer.parametrizations["weight"].original0
        gain[len(gain) // 2 :] = 0


def bottom_up(model: HierarchicalVAE) -> list[BottomUpStage]:
    return [stage for stage in model.stages if isinstance(stage, BottomUpStage)]


def set_weight(layer: nn.Module, rows: slice, weight: np.ndarray, bias: np.ndarray) -> None:
    """Set some rows of a weight-normed dense layer; a row of zeros keeps its direction and loses its gain."""
    matrix = torch.from_numpy(weight).float()
    length = matrix.norm(dim=1, keepdim=True)
    gain, direction = layer.parametrizations["weight"].original0, layer.parametrizations["weight"].original1
    gain[rows] = length
    direction[rows] = torch.where(length > 0, matrix, direction[rows])
    layer.bias[rows] = torch.from_numpy(bias).float()


def raw_scale(scale: np.ndarray) -> np.ndarray:
    """The parameter whose softplus of beta = ln 2 is this scale."""
    return np.log(np.expm1(np.log(2) * scale)) / np.log(2)


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


class LinearGaussian:
    """The maps of a linear model, and everything that follows from them."""

    def __init__(self, model: HierarchicalVAE) -> None:
        self.model = model
        stages = bottom_up(model)
        self.sizes = [stage.latent_shape[0] for stage in stages]
        self.depth = len(stages)

        def inferred(level: int) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
            def maps(parent: Tensor) -> tuple[Tensor, Tensor]:
                if level == 0:
                    features = parent.view(-1, *IMAGE)
                else:
                    assert stages[level - 1].inference_projection is not None
                    features = stages[level - 1].inference_projection(parent)
                posterior = stages[level].infer(Evidence(features), Draw.POSTERIOR_MEAN, _no_noise).posterior
                assert posterior is not None
                return posterior.loc, posterior.scale

            return maps

        def generated(level: int) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
            def maps(parent: Tensor) -> tuple[Tensor, Tensor]:
                hidden = (stages[level + 1].generation_projection(parent),)
                prior = stages[level].prior(hidden)
                return prior.loc, prior.scale

            return maps

        def decoded(parent: Tensor) -> tuple[Tensor, Tensor]:
            likelihood = model.decode(stages[0].generation_projection(parent))
            return likelihood.mean.flatten(1), likelihood.stddev.flatten(1)

        parents = [PIXELS, *self.sizes]
        self.posteriors = [_conditional(inferred(level), parents[level]) for level in range(self.depth)]
        self.priors = [_conditional(generated(level), self.sizes[level + 1]) for level in range(self.depth - 1)]
        self.likelihood = _conditional(decoded, self.sizes[0])
        ends = np.cumsum([0, *self.sizes, *self.sizes])
        self.noises = int(ends[-1])
        self._columns = [slice(a, b) for a, b in zip(ends[:-1], ends[1:], strict=True)]

    def columns(self, walk: Walk, level: int) -> slice:
        """Where the noise of one draw lies among all the noise of a pass."""
        return self._columns[level + (self.depth if walk == "generation" else 0)]

    def noise(self, values: np.ndarray) -> SharedNoise:
        """The production code's noise with these values, (lanes, noises)."""
        return _ArrayNoise(values, self)

    def _constant(self, value: np.ndarray) -> Variable:
        return Variable(value, np.zeros((len(value), self.noises)))

    def _generate(
        self, draws: Sequence[Draw], inferred: Sequence[Variable] | None
    ) -> tuple[list[Variable], list[Variable]]:
        """Each z and the mean of its prior, lowest first."""
        z: list[Variable] = []
        means: list[Variable] = []
        for level in reversed(range(self.depth)):
            top = level == self.depth - 1
            mean = self._constant(np.zeros(self.sizes[-1])) if top else z[-1].given(self.priors[level])
            means.append(mean)
            if draws[level].from_posterior:
                assert inferred is not None
                z.append(inferred[level])
            elif draws[level] is Draw.PRIOR:
                z.append(mean.plus(self.prior_scale(level), self.columns("generation", level)))
            else:
                z.append(mean)
        return z[::-1], means[::-1]

    def prior_scale(self, level: int) -> np.ndarray:
        return np.ones(self.sizes[-1]) if level == self.depth - 1 else self.priors[level].scale

    def log_weight(self, x: np.ndarray, proposal: Proposal) -> LogWeight:
        """log w of a proposal for one image x (4,)."""
        inferred: list[Variable] = []
        posterior_means: list[Variable] = []
        below = self._constant(x)
        for level, draw in enumerate(proposal.inference):
            mean = below.given(self.posteriors[level])
            posterior_means.append(mean)
            sampled = draw is Draw.POSTERIOR
            columns = self.columns("inference", level)
            below = mean.plus(self.posteriors[level].scale, columns) if sampled else mean
            inferred.append(below)
        z, prior_means = self._generate(proposal.generation, inferred)
        ratios: list[tuple[Term, Term] | None] = []
        for level, draw in enumerate(proposal.generation):
            if not draw.from_posterior:
                ratios.append(None)
                continue
            prior = Term(1, z[level].minus(prior_means[level]), self.prior_scale(level))
            posterior = Term(-1, z[level].minus(posterior_means[level]), self.posteriors[level].scale)
            ratios.append((prior, posterior))
        image = self._constant(x).minus(z[0].given(self.likelihood))
        return LogWeight(Term(1, image, self.likelihood.scale), tuple(ratios))

    def marginal(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of p(x)."""
        z, _ = self._generate(sample_proposal(self.depth).generation, None)
        mean = z[0].given(self.likelihood)
        return mean.offset, mean.matrix @ mean.matrix.T + np.diag(self.likelihood.scale**2)

    def log_marginal(self, x: np.ndarray) -> float:
        """log p(x) in nats."""
        return float(multivariate_normal(*self.marginal()).logpdf(x))

    def draw_image(self, seed: int) -> np.ndarray:
        """A sample of p(x)."""
        return np.random.default_rng(seed).multivariate_normal(*self.marginal())

    def fit_posterior(self, inflation: float = 1.0) -> LinearGaussian:
        """Set q to the exact conditional means, with the exact (times `inflation`) but uncorrelated scales.

        x is independent of z_2 given z_1, and so on, so q(z_1|x) q(z_2|z_1) ... has the form of the exact posterior;
        with one unit a layer and no inflation it is the exact posterior.
        """
        z, _ = self._generate(sample_proposal(self.depth).generation, None)
        image = z[0].given(self.likelihood)
        pixels = self.noises + PIXELS
        widened = [Variable(v.offset, np.pad(v.matrix, ((0, 0), (0, PIXELS)))) for v in (*z, image)]
        chain = [widened[-1].plus(self.likelihood.scale, slice(self.noises, pixels)), *widened[:-1]]
        for level, (below, above) in enumerate(zip(chain[:-1], chain[1:], strict=True)):
            slope = (above.matrix @ below.matrix.T) @ np.linalg.inv(below.matrix @ below.matrix.T)
            offset = above.offset - slope @ below.offset
            rest = above.matrix - slope @ below.matrix
            scale = inflation * np.sqrt((rest**2).sum(1))
            self._set_posterior(level, slope, offset, scale)
        return LinearGaussian(self.model)

    def _set_posterior(self, level: int, slope: np.ndarray, offset: np.ndarray, scale: np.ndarray) -> None:
        stages = bottom_up(self.model)
        if level > 0:
            projection = stages[level - 1].inference_projection
            assert projection is not None
            size = self.sizes[level - 1]
            intercept = projection(torch.zeros(1, size)).flatten(1).double().numpy()[0]
            matrix = (projection(torch.eye(size)).flatten(1).double().numpy() - intercept).T
            slope = slope @ np.linalg.pinv(matrix)
            offset = offset - slope @ intercept
        layer = stages[level].posterior.parameters_of
        set_weight(layer, slice(0, len(offset)), slope, offset)
        layer.bias[len(offset) :] = torch.from_numpy(raw_scale(scale)).float()


class _ArrayNoise(SharedNoise):
    """Noise from an array (lanes, noises) laid out as the oracle's."""

    def __init__(self, values: np.ndarray, oracle: LinearGaussian) -> None:
        super().__init__(len(values), torch.randn)
        self._values, self._oracle = torch.from_numpy(values).float(), oracle

    def __call__(self, walk: Walk, layer: int, shape: tuple[int, ...]) -> Tensor:
        return self._values[:, self._oracle.columns(walk, layer)].reshape(self.lanes, *shape)


def _conditional(maps: Callable[[Tensor], tuple[Tensor, Tensor]], parents: int) -> Conditional:
    """Read a conditional Gaussian off a module by its values at the origin and at the basis vectors."""
    loc, scale = maps(torch.cat([torch.zeros(1, parents), torch.eye(parents)]))
    values, scales = loc.double().numpy(), scale.double().numpy()
    np.testing.assert_array_equal(scales, np.broadcast_to(scales[:1], scales.shape))
    return Conditional((values[1:] - values[0]).T, values[0], scales[0])


def _no_noise() -> Tensor:
    raise AssertionError("a mean needs no noise")
