"""SpeechBrain's DiffWave."""

import re
from pathlib import Path

from audiodiff.errors import AudiodiffError
from audiodiff.importers.checkpoints import Params, read_checkpoint, weights_of
from audiodiff.importers.lmnt import diffwave
from audiodiff.mel.presets import PRESETS
from audiodiff.model.model import Model


def from_speechbrain_diffwave(path: str | Path) -> Model:
    """SpeechBrain's DiffWave on LJSpeech, https://github.com/speechbrain/speechbrain.

    It is LMNT's network in SpeechBrain's wrappers, whose convolutions reflect the sound at its
    ends, with LMNT's scale of the mel over Slaney's bands up to 8 kHz. The file holds weights
    alone; schedules, dilations and mel are those of SpeechBrain's recipe. The network is tested
    against recorded outputs.

    Raises:
        AudiodiffError: If the file is not such a checkpoint; the message names what is missing or
            unknown.
    """
    path = Path(path)
    state = weights_of(read_checkpoint(path), path, "SpeechBrain DiffWave")
    wrapped = "input_projection.conv.weight"
    if wrapped not in state:
        raise AudiodiffError(f"{path} holds no SpeechBrain DiffWave: {wrapped} is missing")
    scale = PRESETS["lmnt-diffwave"].model_dump(include={"log_base", "scale", "offset", "clip"})
    mel = PRESETS["speechbrain"].model_copy(update=scale)
    bare = {re.sub(r"\.(conv|w)\.(weight|bias)$", r".\2", name): w for name, w in state.items()}
    return diffwave(bare, mel, Params(), path, padding="reflect")
