import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import CONFIG
from small_models import small_config, untrained

import audiodiff
from audiodiff import Model, Run
from audiodiff.audio import io
from audiodiff.data.corpus import read_corpus
from audiodiff.importers import IMPORTERS
from audiodiff.mel.files import load_mel, save_mel
from audiodiff.model.hub import model_directory
from audiodiff.provenance.files import read_record, tags_of
from audiodiff.provenance.making import record_of
from audiodiff.provenance.manifests import read_manifest
from audiodiff.training.config import read_train_config

ROOMS = [
    "samplers",
    "diffusion",
    "guidance",
    "networks",
    "codecs",
    "conditioning",
    "search",
    "importers",
    "mel",
    "metrics",
    "training.objectives",
]


def test_the_public_names_are_these() -> None:
    assert audiodiff.__all__ == [
        "AudiodiffError",
        "Editor",
        "Generator",
        "LogMel",
        "MelConfig",
        "Model",
        "ModelConfig",
        "PRESETS",
        "Run",
        "SAMPLERS",
        "Upsampler",
        "Vocoder",
    ]
    for name in audiodiff.__all__:
        assert hasattr(audiodiff, name)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_export_their_contracts(room: str) -> None:
    module = import_module(f"audiodiff.{room}")
    assert module.__all__
    for name in module.__all__:
        assert hasattr(module, name)


def test_every_registry_is_imported_from_its_room() -> None:
    page = Path(__file__).parents[1] / "docs/extending/README.md"
    named = re.findall(r"`audiodiff\.([a-z.]+)\.([A-Z]+)`", page.read_text(encoding="utf-8"))
    assert {room for room, _ in named} == {*ROOMS} - {"conditioning", "mel"}
    for room, registry in named:
        module = import_module(f"audiodiff.{room}")
        assert registry in module.__all__
        assert isinstance(getattr(module, registry), dict)


def test_importing_needs_no_extra() -> None:
    """Vocoding imports nothing that only an extra brings."""
    code = (
        "import sys, audiodiff, audiodiff.pipelines.files, audiodiff.cli.app\n"
        "import audiodiff.importers.registry\n"
        "extras = {'torchaudio', 'accelerate', 'tensorboard', 'gradio', 'onnx', 'onnxruntime',"
        " 'pesq', 'pystoi', 'auraloss', 'pyworld', 'visqol', 'speechmos', 'torchcrepe',"
        " 'transformers', 'diffusers'}\n"
        "print(sorted(extras & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_help_needs_no_torch() -> None:
    """What takes seconds to import waits until a command needs it."""
    code = (
        "import sys\n"
        "from audiodiff.cli.app import main\n"
        "sys.argv = ['audiodiff', '--help']\n"
        "try:\n    main()\n"
        "finally: print(sorted({'torch', 'numpy', 'librosa', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_paths_may_be_text(tmp_path: Path) -> None:
    model = untrained(small_config())
    model.save(f"{tmp_path}/model")
    loaded = Model.load(f"{tmp_path}/model")
    assert loaded.config == model.config
    assert model_directory(tmp_path / "model") == tmp_path / "model"
    mel, sound = f"{tmp_path}/a.npy", f"{tmp_path}/a.wav"
    save_mel(mel, torch.zeros(80, 3))
    assert load_mel(mel).shape == (80, 3)
    record = record_of(loaded, "", Run(), labels={"digit": "one"})
    io.save(sound, np.zeros(2000, np.float32), 22050, tags=tags_of(record, sound))
    found = read_record(sound)
    assert found is not None
    assert found.labels == {"digit": "one"}
    assert read_manifest(sound) is None
    assert loaded.digest == found.weights
    io.save(f"{tmp_path}/b.wav", np.zeros(2000, np.float32), 22050)
    assert len(read_corpus([str(tmp_path)]).train) == 1
    (tmp_path / "run.toml").write_text(CONFIG)
    assert read_train_config(f"{tmp_path}/run.toml").steps == 2
    for importer in IMPORTERS.values():
        with pytest.raises(audiodiff.AudiodiffError, match="no such checkpoint"):
            importer(f"{tmp_path}/missing.pt")
