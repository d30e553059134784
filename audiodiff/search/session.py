"""A search: its task, its model and its clips."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from audiodiff._types import Condition
from audiodiff.conditioning.parts import joined
from audiodiff.conditioning.text import TEXT, bytes_of
from audiodiff.data.captioned import read_captions, texts_of
from audiodiff.data.corpus import SPLITS, read_corpus
from audiodiff.data.labelled import labels_of, read_table
from audiodiff.errors import AudiodiffError
from audiodiff.metrics.libraries import left_out
from audiodiff.model.found import weights_digest
from audiodiff.model.model import Model
from audiodiff.model.run import Run
from audiodiff.pipelines.generator import Generator
from audiodiff.search.clips import MIN_JUDGED, loudest, of_length, read_clips
from audiodiff.search.contract import SearchSetting
from audiodiff.search.judge import Judge
from audiodiff.search.problem import N_CANDIDATES, Problem
from audiodiff.system.folders import listed_name


class Task(NamedTuple):
    """What to search for, and on which clips.

    Attributes:
        folders: Folders of recordings.
        sampler: Name of the sampler; the model's own if None.
        steps: Numbers of sampler steps to find times for.
        method: Name in `SEARCHES`.
        split: Split of the recordings: ``train``, ``dev`` or ``test``.
        budget: Number of runs that `coefficients`, `gradient`, `grid` and `perceptual` may make, or
            of training steps of `learned`; the method's default if None.
        force: Whether to store the times found even if those in use are better, or there are too
            few clips to tell.
        seed: Seed of the noise and of the search, 0 or more.
    """

    folders: Sequence[Path]
    sampler: str | None
    steps: Sequence[int]
    method: str
    split: str = "dev"
    budget: int | None = None
    force: bool = False
    seed: int = 0


class Session:
    """A model with clips to search on and other clips to judge on.

    Args:
        directory: Directory of the model.
        task: What to search for, and on which clips.
        say: Receives messages, one line each.

    Attributes:
        task: What to search for, and on which clips.
        weights: Digest of the model's weights.
        model: The model.
        sampler: Name of the sampler.
        judge: Judge on the clips that no search hears.

    Raises:
        AudiodiffError: If a name is unknown or there are too few clips.
    """

    def __init__(self, directory: Path, task: Task, say: Callable[[str], None]) -> None:
        if task.split not in SPLITS:
            raise AudiodiffError(
                f"split={task.split!r} is unknown; choose from {', '.join(SPLITS)}"
            )
        self.task = task
        self.model = Model.load(directory)
        if self.model.config.network.takes_end:
            raise AudiodiffError(
                "this model's network is told where each step ends, so its times were trained and "
                "none can be found; search for those of its teacher"
            )
        self.weights = weights_digest(directory)
        own, rate = self.model.config.sampling.sampler, self.model.config.sample_rate
        self.sampler = own if task.sampler is None else task.sampler
        sets = self.model.config.label_sets
        table = read_table(task.folders) if sets else {}
        most = self.model.config.network.n_bytes
        captions = {} if most is None else read_captions(task.folders)

        def asked_of(id_: str) -> Condition:
            labels = labels_of(id_, sets, table)
            if most is None:
                return labels
            return {**labels, TEXT: bytes_of(texts_of(id_, captions, most)[0], most)}

        heard, unheard = read_clips(read_corpus(task.folders), task.split, rate, asked_of)
        # Searched and judged with the precision of later runs.
        asked = Run(self.sampler, seed=task.seed, precision="auto")
        labels = joined([clip.cond for clip in heard])
        if self.model.log_mel is not None:
            fine, waves = None, loudest(heard, rate)
            self._problem = Problem(self.model, asked, waves, labels)
        else:
            n_samples = Generator(self.model).n_samples  # which hands the codec its vocoder
            heard, unheard = (
                [of_length(clip, n_samples) for clip in clips] for clips in (heard, unheard)
            )
            waves = torch.from_numpy(np.stack([clip.wave for clip in heard]))
            self._problem = Problem(self.model, asked, waves, labels)
            fine = self._problem.candidates(N_CANDIDATES)
        self._listener = Judge(self.model, asked, heard, fine)
        self.judge = Judge(self.model, asked, unheard, fine)
        say(f"searching on {len(heard)} clips of {task.split}, judging on {len(unheard)} others")
        if self.judge.metric != "pesq_wb":
            say(f"{self.judge.metric} judges: {left_out(['pesq_wb'])['pesq_wb']}")
        if self.too_few:
            say(f"no times will be kept, as {self.too_few}")

    @property
    def too_few(self) -> str:
        """Why no times can be kept without force; empty if there are enough clips to judge on."""
        n_clips = len(self.judge.clips)
        if n_clips >= MIN_JUDGED or self.task.force:
            return ""
        return f"{n_clips} clips to judge on are fewer than {MIN_JUDGED}"

    @property
    def key(self) -> str:
        """What the cost of a run depends on besides its times."""
        folders = [listed_name(folder.resolve().name) for folder in self.task.folders]
        return repr((self.sampler, folders, self.task.split, self.task.seed, self.weights))

    @property
    def calls(self) -> int:
        """Network calls that searches have made so far, counted once per clip."""
        return self._problem.calls + self._listener.calls

    def setting(self, scratch: Path) -> SearchSetting:
        """What a search may use.

        Args:
            scratch: Folder for the files from which a killed search resumes.
        """
        task = self.task
        return SearchSetting(
            problem=self._problem,
            listener=self._listener,
            most=max(task.steps),
            budget=task.budget,
            seed=task.seed,
            scratch=scratch,
            key=self.key,
        )
