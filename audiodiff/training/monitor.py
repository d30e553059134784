"""Reports of a run: a log, scalars, dev losses, and dev clips to hear and look at."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from audiodiff.audio.plots import save_figure, spectrogram_figure
from audiodiff.conditioning.parts import moved
from audiodiff.data.clips import Clips
from audiodiff.data.crops import Crops, crop_batch
from audiodiff.model.model import Model
from audiodiff.pipelines.codec_vocoder import hand_vocoder
from audiodiff.pipelines.run import with_mel
from audiodiff.system.atomic import replacing
from audiodiff.system.documents import read_json_lines
from audiodiff.training.objectives.contract import Batch, Objective
from audiodiff.training.plots import curves_figure

N_CROPS = 16
N_PREVIEWS = 3
PREVIEW_SECONDS = 3


class Monitor:
    """Writes ``log.jsonl``, ``curves.png`` and TensorBoard events into the run's folder.

    Args:
        out: The run's folder.
        step: The last step done; later records of an interrupted run are dropped.
    """

    def __init__(self, out: Path, step: int) -> None:
        self.log = out / "log.jsonl"
        self.curves = out / "curves.png"
        self.records = [record for record in _read_log(self.log) if record["step"] <= step]
        with replacing(self.log) as temporary:
            temporary.write_text("".join(json.dumps(record) + "\n" for record in self.records))
        self.board = SummaryWriter(out / "tensorboard", purge_step=step + 1)

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Logs named figures of one step."""
        record: dict[str, Any] = {"step": step} | values
        self.records.append(record)
        with self.log.open("a") as file:
            file.write(json.dumps(record) + "\n")
        for name, value in values.items():
            self.board.add_scalar(name, value, step)

    def previews(self, step: int, model: Model, clips: Sequence[Crops]) -> None:
        """Resynthesises the dev clips and logs their sound and their spectrograms."""
        rate = model.config.sample_rate
        for i, (clip, made) in enumerate(zip(clips, made_again(model, clips), strict=True)):
            self.board.add_audio(f"dev/{i}", made.clamp(-1, 1)[None], step, rate)
            shown = [("original", clip.wave[0]), (f"step {step}", made)]
            self.board.add_figure(f"dev/{i}", spectrogram_figure(shown, rate), step)

    def draw(self) -> None:
        """Draws the loss curves of the whole run."""
        save_figure(curves_figure(self.records), self.curves)

    def close(self) -> None:
        """Writes buffered events."""
        self.board.close()


def _read_log(path: Path) -> list[dict[str, Any]]:
    """The records of a log; other lines, such as one that was cut short, are left out."""
    return [record for record in read_json_lines(path) if _is_record(record)]


def _is_record(value: Any) -> bool:
    """Whether a line of the log holds figures of a step."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("step"), int)
        and all(isinstance(figure, int | float) for figure in value.values())
    )


@torch.no_grad()
def made_again(model: Model, clips: Sequence[Crops]) -> list[Float[Tensor, " _"]]:
    """Each clip resynthesised by the model's default run; new sound for a model without a mel."""
    hand_vocoder(model)
    made = []
    for wave, cond in clips:
        n_samples = wave.shape[1] // model.config.hop_length * model.config.hop_length
        wave = wave[:, :n_samples].to(model.device)
        cond = with_mel(model, moved(cond, model.device), wave)
        made.append(model.make(cond, n_samples)[0].cpu())
    return made


@torch.no_grad()
def dev_losses(objective: Objective, clips: Clips, n_samples: int) -> dict[str, float]:
    """The figures of an objective on fixed crops of the dev clips with fixed noise."""
    crops = crop_batch(clips, seed=0, start=0, batch_size=N_CROPS, n_samples=n_samples)
    return objective.on_dev(Batch(*crops, seed=0, first=0).to(objective.model.device))


def preview_clips(clips: Clips, at_least: int) -> list[Crops]:
    """The beginnings of a few dev clips, spread over the list, with zeros after a short one."""
    longest = PREVIEW_SECONDS * clips.sample_rate
    chosen = []
    for i in range(0, len(clips), max(1, len(clips) // N_PREVIEWS))[:N_PREVIEWS]:
        n = max(at_least, min(int(clips.lengths[i]), longest)) // clips.hop_length
        n *= clips.hop_length
        wave = torch.from_numpy(clips.crop(i, 0, n))[None]
        chosen.append(Crops(wave, clips.condition(i, 0, n)))
    return chosen
