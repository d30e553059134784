"""Lines that tell a person about the progress of a training run."""

from collections.abc import Callable
from datetime import timedelta

from audiodiff.system.pace import Pace
from audiodiff.training.config import TrainConfig
from audiodiff.training.session import Clock, Course

SECONDS = 10.0
"""Longest time without a line, however many steps apart the lines of the log are."""


class Reporter:
    """Says lines about steps, at most `SECONDS` apart.

    Args:
        config: The run.
        n_processes: Number of processes that share it.
        step: The last step done before the session.
        last: The last step of the session.
        ends: What may end the run before its last step.
        say: Callback for each line.
    """

    def __init__(
        self,
        config: TrainConfig,
        n_processes: int,
        step: int,
        last: int,
        ends: tuple[Clock | Course, ...],
        say: Callable[[str], None],
    ) -> None:
        items = config.batch_size * config.accumulation * n_processes
        crop = config.data.crop_frames * config.model.hop_length / config.model.sample_rate
        self.seconds_per_step, self.say = items * crop, say
        self.last, self.ends = last, ends
        self.log, self.lines = Clock(None, step), Clock(None, step)
        self.pace = Pace(SECONDS)

    def speed(self, step: int) -> dict[str, float]:
        """Figures of the speed since the last call, for the log."""
        rate = self.log.rate(step)
        return {
            "speed/steps_per_s": rate,
            "speed/audio_s_per_s": rate * self.seconds_per_step,
        }

    def due(self) -> bool:
        """Whether the last line was said `SECONDS` ago."""
        return self.pace.due()

    def tell(self, step: int, loss: float, lr: float) -> None:
        """Says a line about a step."""
        self.pace.reported()
        rate = self.lines.rate(step)
        seconds = min((self.last - step) / rate, *(end.left for end in self.ends))
        left = timedelta(seconds=max(0, round(seconds)))
        self.say(
            f"step {step}/{self.last}  loss {loss:.4f}  lr {lr:.1e}  {rate:.2f} steps/s  "
            f"{rate * self.seconds_per_step:.1f} audio-s/s  ETA {left}"
        )
