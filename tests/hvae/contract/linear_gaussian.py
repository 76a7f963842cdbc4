"""Linear-Gaussian hierarchies in closed form: the oracle of every bound.

A model without activations, whose scales are constant, makes x and every z jointly Gaussian. `LinearGaussian` reads
the linear maps off the production modules, walks them in NumPy, and so knows log p(x),
the log-weight of any proposal for given noise, and its expectation, all without the code under test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.stats import multivariate_normal
from torch import Tensor

from hvae.models.hierarchical import HierarchicalVAE
from hvae.models.latents import Evidence, SharedNoise, Walk
from hvae.models.proposal import Draw, Proposal, sample_proposal
from hvae.models.stages.bidirectional import BidirectionalStage
from tests.hvae.contract.gaussians import Conditional, Drawn, Inferred, LogWeight, Term, Variable
from tests.hvae.contract.linear_models import (
    IMAGE,
    PIXELS,
    raw_scale,
    set_weight,
    stages_of,
)


class LinearGaussian:
    """The maps of a linear model, and everything that follows from them.

    `posteriors` are the Gaussians of the upward walk, given x (ladder) or what was drawn one layer below; `downward`
    those of z^TD, given that and z of the layer above side by side (bidirectional alone).
    """

    def __init__(self, model: HierarchicalVAE) -> None:
        self.model = model
        self.family = model.config.family
        stages = stages_of(model)
        self.sizes = [stage.latent_shape[0] for stage in stages]
        self.depth = len(stages)

        def evidence(level: int, parent: Tensor) -> Evidence:
            if self.family == "ladder":
                found = Evidence(parent.view(-1, *IMAGE))
                for stage in stages[: level + 1]:
                    found = stage.infer(found, Draw.POSTERIOR_MEAN, _no_noise)
                return found
            features = stages[level - 1].projected(parent) if level else parent.view(-1, *IMAGE)
            return stages[level].infer(Evidence(features), Draw.POSTERIOR_MEAN, _no_noise)

        def inferred(level: int) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
            def maps(parent: Tensor) -> tuple[Tensor, Tensor]:
                found = evidence(level, parent)
                gaussian = found.posterior or found.bottom_up
                assert gaussian is not None
                return gaussian.loc, gaussian.scale

            return maps

        def inferred_downward(level: int) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
            def maps(parents: Tensor) -> tuple[Tensor, Tensor]:
                parent, above = parents.split([widths[level], self.sizes[level + 1]], dim=1)
                hidden = (stages[level + 1].generation_projection(above),)
                prior, found = stages[level].prior(hidden), evidence(level, parent)
                posterior, _ = stages[level].infer_downward(found, hidden, prior, Draw.POSTERIOR_MEAN, _no_noise)
                return posterior.loc[:, self.inferred[level] :], posterior.scale[:, self.inferred[level] :]

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

        self.inferred = [stage.posterior.shape[0] for stage in stages]
        widths = [PIXELS] * self.depth if self.family == "ladder" else [PIXELS, *self.inferred]
        self.posteriors = [_conditional(inferred(level), widths[level]) for level in range(self.depth)]
        self.priors = [_conditional(generated(level), self.sizes[level + 1]) for level in range(self.depth - 1)]
        self.downward = [
            _conditional(inferred_downward(level), widths[level] + self.sizes[level + 1])
            for level in range(self.depth - 1)
            if isinstance(stages[level], BidirectionalStage)
        ]
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

    def _infer(self, x: np.ndarray, draws: Sequence[Draw]) -> list[Inferred]:
        """The upward walk, lowest first; that of a ladder draws nothing."""
        found: list[Inferred] = []
        parent = self._constant(x)
        for level, draw in enumerate(draws):
            mean = parent.given(self.posteriors[level])
            start = self.columns("inference", level).start
            columns = slice(start, start + self.inferred[level])
            value = mean.plus(self.posteriors[level].scale, columns) if draw is Draw.POSTERIOR else mean
            found.append(Inferred(parent, mean, value))
            parent = parent if self.family == "ladder" else value
        return found

    def _posterior(
        self, level: int, found: Inferred, above: Variable | None, prior_mean: Variable, draw: Draw
    ) -> tuple[Variable, np.ndarray, Variable]:
        """Mean and scale of q(z_l | .) in the generative walk, and z."""
        upward, columns = self.posteriors[level], self.columns("generation", level)

        def drawn(mean: Variable, scale: np.ndarray, columns: slice) -> Variable:
            return mean.plus(scale, columns) if draw is Draw.POSTERIOR else mean

        if self.family == "ladder":
            mean, precision = found.mean, 1 / upward.scale**2
            if above is not None:
                precision = precision + 1 / self.priors[level].scale ** 2
                mean = prior_mean.towards(mean, 1 / upward.scale**2 / precision)
            return mean, precision**-0.5, drawn(mean, precision**-0.5, columns)
        if self.family == "bottom-up" or above is None:
            return found.mean, upward.scale, found.value
        downward = self.downward[level]
        mean = found.parent.beside(above).given(downward)
        value = drawn(mean, downward.scale, slice(columns.start + self.inferred[level], columns.stop))
        return found.mean.beside(mean), np.concatenate([upward.scale, downward.scale]), found.value.beside(value)

    def _generate(self, draws: Sequence[Draw], inferred: Sequence[Inferred] | None) -> list[Drawn]:
        """The generative walk, lowest first."""
        found: list[Drawn] = []
        for level in reversed(range(self.depth)):
            above = found[-1].z if found else None
            mean = self._constant(np.zeros(self.sizes[-1])) if above is None else above.given(self.priors[level])
            if draws[level].from_posterior:
                assert inferred is not None
                loc, scale, z = self._posterior(level, inferred[level], above, mean, draws[level])
                found.append(Drawn(z, mean, loc, scale))
            elif draws[level] is Draw.PRIOR:
                found.append(Drawn(mean.plus(self.prior_scale(level), self.columns("generation", level)), mean))
            else:
                found.append(Drawn(mean, mean))
        return found[::-1]

    def prior_scale(self, level: int) -> np.ndarray:
        return np.ones(self.sizes[-1]) if level == self.depth - 1 else self.priors[level].scale

    def log_weight(self, x: np.ndarray, proposal: Proposal) -> LogWeight:
        """log w of a proposal for one image x (4,)."""
        latents = self._generate(proposal.generation, self._infer(x, proposal.inference))
        ratios: list[tuple[Term, Term] | None] = []
        for level, latent in enumerate(latents):
            if latent.mean is None or latent.scale is None:
                ratios.append(None)
                continue
            prior = Term(1, latent.z.minus(latent.prior_mean), self.prior_scale(level))
            ratios.append((prior, Term(-1, latent.z.minus(latent.mean), latent.scale)))
        image = self._constant(x).minus(latents[0].z.given(self.likelihood))
        return LogWeight(Term(1, image, self.likelihood.scale), tuple(ratios))

    def marginal(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of p(x)."""
        mean = self._generate(sample_proposal(self.depth).generation, None)[0].z.given(self.likelihood)
        return mean.offset, mean.matrix @ mean.matrix.T + np.diag(self.likelihood.scale**2)

    def log_marginal(self, x: np.ndarray) -> float:
        """log p(x) in nats."""
        return float(multivariate_normal(*self.marginal()).logpdf(x))

    def draw_image(self, seed: int) -> np.ndarray:
        """A sample of p(x)."""
        return np.random.default_rng(seed).multivariate_normal(*self.marginal())

    def fit_ladder(self) -> LinearGaussian:
        """Set q of a ladder with one unit a layer to the exact posterior p(z_l | x, z_{l+1}).

        That is the prior times p(x | z_l), a Gaussian in z_l: what the image is to say of z_l. At the top, where the
        image speaks alone, N(0, 1) goes into it.
        """
        slope, offset = self.likelihood.matrix, self.likelihood.offset
        covariance = np.diag(self.likelihood.scale**2)
        for level, stage in enumerate(stages_of(self.model)):
            weighed = slope.T @ np.linalg.inv(covariance)
            precision = weighed @ slope + (level == self.depth - 1)
            matrix = weighed / precision
            set_weight(stage.posterior.parameters_of, slice(0, 1), matrix, -matrix @ offset)
            stage.posterior.parameters_of.bias[1:] = torch.from_numpy(raw_scale(precision[0] ** -0.5)).float()
            if level < self.depth - 1:
                prior = self.priors[level]
                offset = offset + slope @ prior.offset
                covariance = covariance + slope @ np.diag(prior.scale**2) @ slope.T
                slope = slope @ prior.matrix
        return LinearGaussian(self.model)

    def fit_posterior(self, inflation: float = 1.0) -> LinearGaussian:
        """Set q to the exact conditional means, with the exact (times `inflation`) but uncorrelated scales.

        x is independent of z_2 given z_1, and so on, so q(z_1|x) q(z_2|z_1) ... has the form of the exact posterior;
        with one unit a layer and no inflation it is the exact posterior.
        """
        z = [latent.z for latent in self._generate(sample_proposal(self.depth).generation, None)]
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
        stages = stages_of(self.model)
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
