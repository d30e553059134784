"""The contracts that every part plugs into, and the names of the shapes that they share.

One forward process, ``x_t = alpha(t) x_0 + sigma(t) eps``, with t = 0 at data and t = 1 at noise,
and one quantity that everything reads: the denoised estimate ``x0_hat(x_t, t)``.
"""

from collections.abc import Callable
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
"""One of several pieces of a mel spectrogram, likewise."""

Labels = Int[Tensor, " batch"]
"""One class per item, by its place among a model's labels."""

Condition: TypeAlias = Mel | Labels
"""What sound is made from: its mel, or of what class it is."""

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
    """What is trained: ``(x_t, level, cond) -> y`` for some target y."""

    def level(self, schedule: Schedule, t: Times) -> Times:
        """The noise level in the network's own units (a step index, alpha, log-SNR ...)."""

    def condition(self, mel: Condition | None) -> Any:
        """All that the network derives from the mel or the class alone, once per utterance."""

    def __call__(self, x_t: State, level: Times, cond: Any) -> State:
        """The network's output, in the shape of x_t."""


@runtime_checkable
class Denoiser(Protocol):
    """The denoised estimate, its conditioning already bound."""

    def __call__(self, x_t: State, t: Times) -> State:
        """x0_hat in the shape of x_t."""


@runtime_checkable
class Prior(Protocol):
    """Gaussian noise whose covariance the mel decides: ``eps = color(white)``."""

    radius: int
    """Mel frames on either side that one sample of its output depends on."""

    def condition(self, mel: Condition | None) -> Any:
        """All that the covariance derives from the mel, once per utterance."""

    def color(self, white: State, cond: Any) -> State:
        """Noise of the prior's covariance from white noise of unit variance."""

    def whiten(self, x: State, cond: Any) -> State:
        """The inverse of `color`, which weights the training loss."""


@runtime_checkable
class NoiseSource(Protocol):
    """White noise of unit variance for one run."""

    def __call__(self, like: State, step: int) -> State:
        """Noise in the shape, dtype and device of ``like``; step 0 is the initial state's."""


Draw: TypeAlias = Callable[[], State]
"""Fresh noise of the prior's covariance in the shape of the state, another with every call."""


@runtime_checkable
class Sampler(Protocol):
    """One way from t to r < t, given the denoiser."""

    calls: int
    """Of the denoiser in one step, at most."""

    def init(self) -> Any:
        """The state before the first step."""

    def step(
        self,
        denoise: Denoiser,
        schedule: Schedule,
        x_t: State,
        t: Times,
        r: Times,
        state: Any,
        draw: Draw,
    ) -> tuple[State, Any]:
        """x_r and the state for the next step."""


@runtime_checkable
class Codec(Protocol):
    """The way between a wave and what diffuses."""

    hop_length: int
    """Samples per step of the state's last axis."""

    radius: int
    """Steps of that axis on either side that one step of a decoded or encoded one depends on."""

    def encode(self, wave: Wave) -> State:
        """What diffuses, from a wave."""

    def decode(self, x: State, length: int) -> Wave:
        """The wave of ``length`` samples."""


@runtime_checkable
class Objective(Protocol):
    """What a trainer minimises; it knows nothing else of the model."""

    def __call__(self, batch: Any) -> tuple[Tensor, dict[str, float]]:
        """The loss to differentiate, and named figures to log."""
