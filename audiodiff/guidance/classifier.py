"""Guidance by a classifier of noisy states (arXiv:2105.05233)."""

from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from audiodiff._types import Condition, Denoiser, Labels, State, Times
from audiodiff.conditioning.parts import OPEN, without
from audiodiff.diffusion.targets import expand
from audiodiff.diffusion.times import log_snr
from audiodiff.guidance.contract import (
    Context,
    GuidanceAtSteps,
    Rising,
    StateClassifier,
    is_inside,
)


class ClassifierGuidance(GuidanceAtSteps):
    """``x0_hat <- x0_null + scale sigma^2 / alpha grad log p(label | x_t, t)``.

    x0_null is the model's own estimate without the labels, so by Bayes' rule a scale of 1 makes the
    conditional model of an unconditional one; guidance that it wraps has no effect. This is
    ``score <- score + scale grad``, with the run's guidance scale.

    Examples:
        >>> guidance = ClassifierGuidance(classifier="runs/digits/classifier/model")

    Attributes:
        classifier: The classifier: a directory that `audiodiff train` wrote with
            ``objective.kind = "classifier"``, for the same codec, schedule and labels.
        log_snr: Least and greatest log-SNR at which it acts. Below, where noise hides the class,
            the gradient is divided by almost nothing.
        steps: Steps at which it acts.
    """

    in_graphs: ClassVar[bool] = False
    has_scale: ClassVar[bool] = True

    kind: Literal["classifier"] = "classifier"
    classifier: str
    log_snr: Rising = (-10.0, 20.0)

    def __call__(self, denoise: Denoiser, context: Context) -> Denoiser:
        """The denoiser without the labels, led towards them, if the run has any."""
        labels = {
            kind: part
            for kind, part in context.cond.items()
            if part.ndim == 1 and not part.is_floating_point()
        }
        if not labels:
            return denoise
        assert context.classifier is not None, "a model gives the loader of its classifiers"
        classify = context.classifier(self.classifier)
        free = context.denoiser(without(context.cond, *labels))

        def guided(x_t: State, t: Times) -> State:
            x0, inside = free(x_t, t), is_inside(self.log_snr, log_snr(context.schedule, t))
            if not inside.any():
                return x0
            alpha, sigma = context.schedule.alpha(t), context.schedule.sigma(t)
            gain = torch.where(inside, context.scale * sigma**2 / alpha, 0.0)
            return x0 + expand(gain, x0) * gradient(classify, x_t, t, labels)

        return guided


def gradient(classify: StateClassifier, x_t: State, t: Times, labels: Condition) -> State:
    """``grad log p(label | x_t, t)`` with respect to x_t; zero for a label that is open.

    It is itself differentiable where gradients are on, as in a search by gradients.
    """
    tracked = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.enable_grad():
        at = x_t if x_t.requires_grad else x_t.clone().requires_grad_()
        known = classify(at, t.expand(len(x_t)))
        total = torch.stack([_chosen(known[kind], labels[kind]).sum() for kind in labels]).sum()
        (slope,) = torch.autograd.grad(total, at, create_graph=tracked)
    return slope


def _chosen(log_p: Float[Tensor, "batch classes"], label: Labels) -> Float[Tensor, " batch"]:
    """The log-probability of each item's class; 0 for an open one."""
    chosen = log_p.gather(1, label.clamp(min=0)[:, None])[:, 0]
    return torch.where(label == OPEN, 0.0, chosen)
