"""The vocoders that `speed.py` times, each built with its own package.

The peers' weights are random, since speed does not depend on them. All run on the CPU from the mel
of the `hifigan` preset, the peers in float32 by default, ours in its own precision. A peer that
takes another mel gets ours, stretched to its bands and frame rate. Each is run as follows:

- DiffWave and WaveGrad: `inference.predict` of the packages `diffwave` and `wavegrad`. It caches
  the networks that it has loaded; an untrained one is put into that cache.
- HiFi-GAN V1: `SpeechT5HifiGan` of `transformers` with V1's sizes (arXiv:2010.05646, table 5) and
  no weight norm, which users of HiFi-GAN fold into the weights before running it.
- Vocos: `decode` of the package `vocos`, with the sizes of charactr/vocos-mel-24khz.
- Griffin-Lim: that of `systems.py`, on magnitudes by non-negative least squares.
"""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import systems
import torch
import torch.nn.functional as F

from audiodiff import PRESETS, Model, Vocoder
from audiodiff._types import Mel, Wave
from audiodiff.training.config import read_train_config

RECIPES = Path(__file__).resolve().parents[1] / "recipes"

PRESET = PRESETS["hifigan"]

CPU = torch.device("cpu")

Run = Callable[[Mel], Wave]


class System(NamedTuple):
    """A vocoder to time.

    Attributes:
        build: Loads the vocoder and returns a function from a mel to its sound.
        package: Name of the distribution that it comes from.
        modules: Modules that `build` needs and that may not be installed.
    """

    build: Callable[[], Run]
    package: str
    modules: tuple[str, ...] = ()


def audiodiff() -> Run:
    """Our default model with its default steps."""
    return Vocoder.from_pretrained("default")


def audiodiff_float32() -> Run:
    """Our default model without bfloat16."""
    return Vocoder.from_pretrained("default", precision="fp32")


def audiodiff_four_steps() -> Run:
    """Our default model with four steps, which shows the cost of one step."""
    return partial(Vocoder.from_pretrained("default"), n_steps=4)


def audiodiff_compiled() -> Run:
    """Our default model with torch.compile, which compiles during the first run."""
    return Vocoder.from_pretrained("default", compile=True)


def audiodiff_network(name: str) -> Run:
    """Our version of a published network, untrained, with the six steps of its recipe."""
    return Vocoder(Model(read_train_config(RECIPES / "models" / f"{name}.toml").model))


def diffwave() -> Run:
    """DiffWave base (arXiv:2009.09761) with the package's fast schedule of six steps."""
    return _predictor("diffwave", "DiffWave", fast_sampling=True)


def wavegrad() -> Run:
    """WaveGrad base (arXiv:2009.00713) with six steps, on a mel of 128 bands.

    The betas are those around which the package's own search looks for the best schedule.
    """
    betas = torch.logspace(-6, -1, 6, dtype=torch.float64).numpy()
    predict = _predictor("wavegrad", "WaveGrad", params={"noise_schedule": betas})
    params = import_module("wavegrad.params").params
    frame_rate = params.sample_rate / params.hop_samples
    return lambda mel: predict(stretched(mel, 128, frame_rate))


def hifigan() -> Run:
    """HiFi-GAN V1 at 22.05 kHz."""
    transformers = import_module("transformers")
    config = transformers.SpeechT5HifiGanConfig(
        sampling_rate=PRESET.sample_rate,
        model_in_dim=PRESET.n_mels,
        upsample_initial_channel=512,
        upsample_rates=[8, 8, 2, 2],
        upsample_kernel_sizes=[16, 16, 4, 4],
        resblock_kernel_sizes=[3, 7, 11],
        resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5], [1, 3, 5]],
    )
    network = transformers.SpeechT5HifiGan(config).eval()
    return lambda mel: network(mel.transpose(1, 2))


def vocos() -> Run:
    """Vocos (arXiv:2306.00814) at 24 kHz from 100 bands."""
    backbone = import_module("vocos.models").VocosBackbone(
        input_channels=100, dim=512, intermediate_dim=1536, num_layers=8
    )
    head = import_module("vocos.heads").ISTFTHead(512, n_fft=1024, hop_length=256, padding="center")
    features = torch.nn.Identity()  # features of audio, which are not used
    network = import_module("vocos").Vocos(features, backbone, head).eval()
    return lambda mel: network.decode(stretched(mel, 100, 24000 / 256))


def griffin_lim() -> Run:
    """The fast Griffin-Lim algorithm with 32 iterations."""
    unheard = np.zeros(0, np.float32)

    def run(mel: Mel) -> Wave:
        clip = systems.Clip(unheard, mel[0], PRESET)
        return torch.from_numpy(systems.griffin_lim(clip, n_iterations=32))[None]

    return run


def stretched(mel: Mel, n_mels: int, frame_rate: float) -> Mel:
    """A mel of the same length in seconds, with other bands and frames per second."""
    n_frames = round(mel.shape[2] * PRESET.hop_length / PRESET.sample_rate * frame_rate)
    return F.interpolate(mel[:, None], size=(n_mels, n_frames))[:, 0]


def _predictor(package: str, network: str, **options: Any) -> Run:
    """`inference.predict` of one of LMNT's packages, with an untrained network."""
    inference = import_module(f"{package}.inference")
    params = inference.AttrDict(inference.base_params)
    inference.models["untrained"] = getattr(inference, network)(params).eval()
    return lambda mel: inference.predict(mel, "untrained", device=CPU, **options)[0]


OURS = "audiodiff, default steps"
COMPILED = "audiodiff, default steps, compiled"

SYSTEMS = {
    OURS: System(audiodiff, "audiodiff-vocoder"),
    "audiodiff, default steps, float32": System(audiodiff_float32, "audiodiff-vocoder"),
    COMPILED: System(audiodiff_compiled, "audiodiff-vocoder"),
    "audiodiff, four steps": System(audiodiff_four_steps, "audiodiff-vocoder"),
    "audiodiff's DiffWave, 6 steps": System(
        partial(audiodiff_network, "diffwave"), "audiodiff-vocoder"
    ),
    "audiodiff's WaveGrad, 6 steps": System(
        partial(audiodiff_network, "wavegrad"), "audiodiff-vocoder"
    ),
    "DiffWave, 6 steps": System(diffwave, "diffwave", ("diffwave.inference",)),
    "WaveGrad, 6 steps": System(wavegrad, "wavegrad", ("wavegrad.inference",)),
    "HiFi-GAN V1": System(hifigan, "transformers", ("transformers.models.speecht5",)),
    "Vocos": System(vocos, "vocos", ("vocos", "vocos.models", "vocos.heads")),
    "Griffin-Lim, 32 iterations": System(griffin_lim, "librosa"),
}
"""The systems by their names in the tables, ours first."""
