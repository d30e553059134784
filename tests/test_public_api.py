import subprocess
import sys

import audiodiff


def test_the_public_names_are_these() -> None:
    assert audiodiff.__all__ == [
        "PRESETS",
        "SAMPLERS",
        "AudiodiffError",
        "LogMel",
        "MelConfig",
        "Model",
        "ModelConfig",
        "Vocoder",
    ]
    for name in audiodiff.__all__:
        assert hasattr(audiodiff, name)


def test_importing_needs_no_extra() -> None:
    """Vocoding imports nothing that only an extra brings."""
    code = (
        "import sys, audiodiff, audiodiff.pipelines.files, audiodiff.cli.app\n"
        "import audiodiff.importers.registry\n"
        "extras = {'torchaudio', 'accelerate', 'tensorboard', 'gradio', 'onnx', 'onnxruntime',"
        " 'pesq', 'pystoi', 'auraloss', 'pyworld'}\n"
        "print(sorted(extras & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
