"""Recordings with less noise: the mel below the noise floor is made, and filters the recording."""

import math

import torch
from torch.nn import functional as F

from audiodiff._types import Mel, WavePiece
from audiodiff.guidance.ceiling import Ceiling
from audiodiff.guidance.inpainting import KnownState
from audiodiff.guidance.statistics import PerBand
from audiodiff.mel.gains import with_gains
from audiodiff.model.run import Run
from audiodiff.pipelines.infill import Infill, each_resampled

QUIET = 0.15
"""Share of frames, the softest, that are taken for noise alone."""

CERTAIN = 2.5
"""Deviations above the noise's mean from which a band of a frame is taken for sound."""

TENTH, DEVIATIONS = 0.1, 1.28
"""A low quantile of the noise, and how many deviations it lies below the mean."""

MOST_SPREAD = 0.55
"""Deviation in nepers of the steady noise of a single bin; bands of more bins have less."""

HEARD, NEAR = 0.05, 4
"""Share of bands above the noise without which frames are a pause, and how many frames count."""

TRUST = 4
"""Power of the sound's share in a band of a frame by which its mel counts as known."""

LEAST = 10 ** (-30 / 20)
"""The least gain."""

N_TOP = 8
"""Upper bands of the mel that stand for all above them."""


def denoised(infill: Infill, part: WavePiece, first: int, *, rate: int, run: Run) -> WavePiece:
    """A part of a recording with less noise, at its own rate.

    Where a band of a frame is above the noise floor, its mel is known but for the noise's power;
    elsewhere the model makes it from what is known, at most as loud as the recording and nearer to
    it the more of its power is sound. The ratio of both mels filters the recording, so that its
    phases stay. Pauses become as soft as `LEAST` says.

    Args:
        infill: The model.
        part: The part.
        first: Whole seconds of the recording before it.
        rate: Its sample rate in Hz.
        run: The run.
    """
    low, gain = infill.levelled(part, rate)
    mel = infill.mel(low)
    floor, spread = noise_floor(mel)
    mask = (mel > floor + CERTAIN * spread).to(mel)
    amplitude = infill.mel_config.amplitude
    share = 1 - (amplitude(floor) / amplitude(mel)).square()  # of the sound in the power
    known = mel + share.clamp(min=LEAST**2).log() / 2
    normal, start = infill.codec.normal, torch.where(mask > 0, known, mel)
    heard = KnownState(normal(known), share.clamp(min=0) ** TRUST)
    guidance = Ceiling(normal(mel)), heard
    made = infill.filled_mel(start, mask, run, guidance=guidance, offset=infill.frames(first))
    # A pause looks like a gap to the model, which would fill it up to the noise.
    near = F.max_pool1d(mask.mean(1, keepdim=True), 2 * NEAR + 1, 1, NEAR)
    ratio = torch.where(near < HEARD, math.log(LEAST), (made - mel).clamp(math.log(LEAST), 0))
    change = (with_gains(infill.mel_config, low, ratio) - low).cpu() / gain
    clean = part + each_resampled(change, infill.sample_rate, rate, part.shape[1]).to(part)
    if rate <= infill.sample_rate:
        return clean
    # What the mel does not reach is as noisy as its upper bands.
    reached = each_resampled(low.cpu() / gain, infill.sample_rate, rate, part.shape[1])
    top = ratio[:, -N_TOP:].mean(1).exp().cpu()
    upper = F.interpolate(top[:, None], part.shape[1], mode="linear")[:, 0]
    return clean - (1 - upper) * (part - reached)


def noise_floor(mel: Mel) -> tuple[PerBand, PerBand]:
    """Mean and deviation of the steady noise in each band.

    From low quantiles of the softest frames, so that what is soft speech in them does not count.
    """
    level = mel.mean(1)
    soft = level <= level.quantile(QUIET, dim=1, keepdim=True)
    frames_of = [item[:, chosen] for item, chosen in zip(mel, soft, strict=True)]
    low, middle = (
        torch.stack([item.quantile(share, dim=1, keepdim=True) for item in frames_of])
        for share in (TENTH, 0.5)
    )
    spread = ((middle - low) / DEVIATIONS).clamp(max=MOST_SPREAD)
    return low + DEVIATIONS * spread, spread
