"""A run of a model as a module that can be exported."""

from itertools import count

import torch
from jaxtyping import Float
from torch import Tensor, nn

from audiodiff._types import Mel, Sampler, State
from audiodiff.errors import AudiodiffError
from audiodiff.export.unrolled import Unrolled
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.samplers.loop import last


class UnrolledRun(nn.Module):
    """A run of a model as a function of the mel and the noise, without branches.

    Args:
        model: A model with a mel, which runs in float32.
        n_steps: Number of sampler steps; the model's default if None.
        sampler: A sampler or its name; the model's own if None.

    Attributes:
        run: The run, its sampler unrolled.
        n_draws: Number of waves of noise that the run takes.
        n_mels: Number of bands of the mel.
        times: Times of the run.

    Raises:
        AudiodiffError: If the model has no mel, or takes a text, its guidance cannot be part of a
            graph, or a name or number is wrong.
    """

    def __init__(
        self, model: Model, n_steps: int | None = None, sampler: str | Sampler | None = None
    ) -> None:
        super().__init__()
        if model.config.mel is None:
            raise AudiodiffError("this model takes no mel; only runs from a mel can be exported")
        if model.config.network.n_bytes is not None:
            raise AudiodiffError(
                "this model takes a text and an exported run would take none; export another model"
            )
        for guidance in model.config.sampling.guidance:
            if not guidance.in_graphs:
                raise AudiodiffError(
                    f"sampling.guidance: kind={guidance.kind!r} cannot be exported; take it out of "
                    "the model's config"
                )
        self.n_mels = model.config.mel.n_mels
        self.model, sampling = model.float().eval(), model.config.sampling
        self.times = model.times(Run(sampler, n_steps))
        unrolled = Unrolled(model.solver(Run(sampler, n_steps)), model.schedule, self.times)
        self.run = Run(unrolled, times=self.times.tolist(), precision="fp32")
        draws = sum(call is None for step in unrolled.steps for call in step.calls)
        self.n_draws = 1 + draws + bool(sampling.start_passes)

    def forward(
        self, mel: Mel, noise: Float[Tensor, "batch draws samples"] | None = None
    ) -> Float[Tensor, "batch 1 samples"]:
        """The sound of a mel.

        Args:
            mel: (batch, n_mels, frames).
            noise: White noise of unit variance, (batch, n_draws, frames x hop_length), in the
                order in which the run draws; drawn here if None.
        """
        n_samples = mel.shape[2] * self.model.config.hop_length
        if noise is None:
            noise = torch.randn(mel.shape[0], self.n_draws, n_samples)
        places = count()

        def white(like: State, step: int) -> State:
            return noise[:, next(places)]

        like = mel.new_zeros(mel.shape[0], n_samples)
        state = last(self.model.states(like, {"mel": mel}, self.run, white))
        return self.model.codec.decode(state, n_samples)[:, None]
