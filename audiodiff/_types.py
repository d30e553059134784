"""The contracts that every part plugs into, and the names of the shapes that they share.

One forward process, ``x_t = alpha(t) x_0 + sigma(t) eps``, with t = 0 at data and t = 1 at noise,
and one quantity that everything reads: the denoised estimate ``x0_hat(x_t, t)``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

Wave = Float[Tensor, "batch samples"]
"""Audio in float32, full scale at +-1."""

Mel = Float[Tensor, "batch n_mels frames"]
"""A mel spectrogram in the units of its preset."""

WavePiece = Float[Tensor, "batch _"]
"""One of several pieces of audio, which need not be as long as the next."""

MelPiece = Float[Tensor, "batch n_mels _"]
"""One of several pieces of a mel spectrogram, which need not be as long as the next."""

Labels = Int[Tensor, " batch"]
"""The class of each item, as an index into a model's labels."""

Condition: TypeAlias = Mapping[str, Tensor]
"""What a run is asked for: tensors by the name of their part, batch first.

``mel`` is a `Mel`, ``label`` holds `Labels` and ``text`` bytes; networks may declare others. An
absent part is left open, and so is the class of an item whose label is -1, and the text of one
whose bytes are; the empty mapping, the null condition, asks for anything.
"""

State = Float[Tensor, "batch *state"]
"""What diffuses: a wave, or another representation whose last axis is time."""

Times = Float[Tensor, " batch"]
"""One diffusion time per item, 0 at data and 1 at noise; float64 throughout the samplers."""


@runtime_checkable
class Schedule(Protocol):
    """The coefficients of ``x_t = alpha(t) x_0 + sigma(t) eps``."""

    @property
    def t_min(self) -> float:
        """The smallest time that training visits."""

    def alpha(self, t: Times) -> Times:
        """The coefficient of the data."""

    def sigma(self, t: Times) -> Times:
        """The coefficient of the noise."""

    def t_of_log_snr(self, log_snr: Times) -> Times:
        """The time at which ``log(alpha^2 / sigma^2)`` has the given value."""


@runtime_checkable
class Network(Protocol):
    """What is trained: ``(x_t, level, features) -> y`` for some target y.

    What a network needs from the rest of a model is declared by its config, see
    `audiodiff.networks.NetworkConfig`.
    """

    def level(self, schedule: Schedule, t: Times) -> Times:
        """The noise level in the network's own units (a step index, alpha, log-SNR ...)."""

    def condition(self, cond: Condition) -> Any:
        """The features that depend on the condition alone, computed once per run.

        A part that is absent contributes nothing.
        """

    def __call__(self, x_t: State, level: Times, features: Any) -> State:
        """The network's output, in the shape of x_t.

        One whose config says ``takes_end`` also takes the level at the end of the step, ``end``;
        None there asks for the estimate at the step's beginning alone.
        """


@runtime_checkable
class Denoiser(Protocol):
    """The denoised estimate, with its condition bound."""

    def __call__(self, x_t: State, t: Times) -> State:
        """x0_hat in the shape of x_t."""


@runtime_checkable
class StepDenoiser(Denoiser, Protocol):
    """A denoiser that can be told where a step ends, for networks that take that."""

    def toward(self, r: Times) -> Denoiser:
        """The estimate with which a DDIM step from any t to r ends where the flow does."""


@runtime_checkable
class Prior(Protocol):
    """Gaussian noise whose covariance the condition decides: ``eps = color(white)``."""

    radius: int
    """Mel frames on either side that one sample of its output depends on."""

    def condition(self, cond: Condition) -> Any:
        """The shape of the covariance, computed once per run."""

    def color(self, white: State, shape: Any) -> State:
        """Noise of the prior's covariance from white noise of unit variance."""

    def whiten(self, x: State, shape: Any) -> State:
        """The inverse of `color`, which weights the training loss."""


@runtime_checkable
class NoiseSource(Protocol):
    """White noise of unit variance for one run."""

    def __call__(self, like: State, step: int) -> State:
        """Noise in the shape, dtype and device of ``like``; step 0 is for the initial state."""


Draw: TypeAlias = Callable[[], State]
"""Fresh noise of the prior's covariance in the shape of the state, different at every call."""


@dataclass(frozen=True)
class Step:
    """One step of a run, from time t to r; time falls from noise at 1 to data at 0.

    Attributes:
        schedule: The noise schedule.
        t: The time of the state, one per item, (batch,).
        r: The time to reach, smaller than t, (batch,).
        denoise: The denoised estimate as a function of state and time, guidance included; of a
            network that takes the step's end, that for a step to r.
        draw: Draws fresh noise of the prior's covariance.
    """

    schedule: Schedule
    t: Times
    r: Times
    denoise: Denoiser
    draw: Draw

    @property
    def alpha_t(self) -> Times:
        """The coefficient of the data at t."""
        return self.schedule.alpha(self.t)

    @property
    def sigma_t(self) -> Times:
        """The coefficient of the noise at t."""
        return self.schedule.sigma(self.t)

    @property
    def alpha_r(self) -> Times:
        """The coefficient of the data at r."""
        return self.schedule.alpha(self.r)

    @property
    def sigma_r(self) -> Times:
        """The coefficient of the noise at r."""
        return self.schedule.sigma(self.r)


@runtime_checkable
class Sampler(Protocol):
    """One way from t to r < t, given the denoiser."""

    calls: int
    """The most calls of the denoiser that one step makes."""

    def init(self) -> Any:
        """The memory before the first step."""

    def step(self, x_t: State, step: Step, memory: Any) -> tuple[State, Any]:
        """x_r, and the memory for the next step."""


@runtime_checkable
class Codec(Protocol):
    """The way between a wave and what diffuses."""

    linear: bool
    """Whether `encode` is linear and keeps white noise white, so that noise is drawn as a wave."""

    hop_length: int
    """Samples per step of the state's last axis."""

    @property
    def radius(self) -> int:
        """Steps of that axis on either side that a decoded or encoded one depends on."""

    def encode(self, wave: Wave) -> State:
        """The state of a wave."""

    def decode(self, x: State, length: int) -> Wave:
        """The wave of ``length`` samples."""
