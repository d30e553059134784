import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import audiodiff

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
