"""Runs written out, and as ONNX graphs under onnxruntime."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmark_scripts import BENCHMARKS
from contracts import noise
from small_models import CONSISTENT, small_config, small_stft_config, untrained

from audiodiff.diffusion.schedules import VP
from audiodiff.diffusion.times import check_times
from audiodiff.errors import AudiodiffError
from audiodiff.export.unrolled import Unrolled
from audiodiff.mel.log_mel import LogMel
from audiodiff.model.config import ModelConfig
from audiodiff.model.model import Model
from audiodiff.samplers.loop import last, sample
from audiodiff.samplers.registry import SAMPLERS, build_sampler

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "arctic_a0016.wav"
NAMES = [*SAMPLERS, "ddpm+langevin", "dpm++2m+langevin"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("first", [1.0, 0.9])
def test_a_run_written_out_is_the_run(name: str, first: float) -> None:
    schedule, times = VP(), check_times([first, 0.7, 0.4, 0.2, 0.0])
    like = torch.zeros(2, 50, dtype=torch.float64)
    target = noise(2, 50, seed=9).double()

    def tape(like: torch.Tensor, step: int) -> torch.Tensor:
        return noise(2, 50, seed=step).double()

    def denoise(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x_t) * t[:, None] + target

    def run(sampler: object) -> torch.Tensor:
        return last(sample(denoise, schedule, sampler, times, tape, like))

    expected = run(build_sampler(name))
    made = run(Unrolled(build_sampler(name), schedule, times))
    torch.testing.assert_close(made, expected, rtol=1e-9, atol=1e-9)


ONE_STEP = {"sampler": "ddpm", "times": [0.9, 0.0], "clamp": 1.0}
ONE_LAYER = {"kind": "diffwave", "n_channels": 4, "n_layers": 1}
"""The exporter takes several seconds for each layer and step."""
PASSES = {"start_passes": 1, "passes_between": 5, "mel_passes": 2}
CONSISTENTLY = CONSISTENT | PASSES | {"sampler": "dpm++2m", "noise_above_mel": True}
CONFIGS = {
    # One loop of passes: the exporter takes most of a minute for each.
    "band-split": small_stft_config(
        sampling={"sampler": "ddim", "times": [1.0, 0.0], "mel_passes": 2}
    ),
    "diffwave": small_config(network=ONE_LAYER, sampling=ONE_STEP),
    "wavegrad": small_config(
        network={
            "kind": "wavegrad", "n_channels": 2, "n_mels": 80, "upsample_factors": (4, 4, 4, 2, 2),
        },
        prior={"kind": "unit"},
    ),
}  # fmt: skip


QUICK = CONFIGS["wavegrad"].model_copy(update={"sampling": CONFIGS["diffwave"].sampling})
"""What takes the exporter a quarter of the others' time, for tests of all but the network."""


def exported(model: Model, path: Path, noise_input: bool) -> "tuple[object, object]":
    pytest.importorskip("onnxscript")
    ort = pytest.importorskip("onnxruntime")
    from audiodiff.export.onnx import export_onnx
    from audiodiff.export.run import UnrolledRun

    run = UnrolledRun(model)
    export_onnx(run, path, noise_input)
    return run, ort.InferenceSession(path, providers=["CPUExecutionProvider"])


def assert_it_makes_the_same_sound(run: object, session: object, mel: torch.Tensor) -> None:
    batch, _, n_frames = mel.shape
    white = noise(batch, run.n_draws * n_frames * 256).reshape(batch, run.n_draws, -1)
    with torch.no_grad():
        expected = run(mel, white).numpy()
    (made,) = session.run(["audio"], {"mel": mel.numpy(), "noise": white.numpy()})
    assert made.shape == (batch, 1, n_frames * 256)
    assert np.abs(made - expected).max() < 1e-3 * np.abs(expected).max()


def mel_of(config: ModelConfig, batch: int, n_frames: int) -> torch.Tensor:
    assert config.mel is not None
    wave = 0.1 * noise(batch, n_frames * config.hop_length)
    return LogMel(config.mel)(wave)[..., :n_frames]


@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_onnxruntime_makes_the_same_sound(name: str, tmp_path: Path) -> None:
    run, session = exported(untrained(CONFIGS[name]), tmp_path / "m.onnx", noise_input=True)
    for batch, n_frames in ((1, 9), (4, 40)):
        assert_it_makes_the_same_sound(run, session, mel_of(CONFIGS[name], batch, n_frames))


def test_passes_wherever_a_run_has_them_are_those_of_the_graph() -> None:
    from audiodiff.export.onnx import _graph_terms
    from audiodiff.export.run import UnrolledRun

    config = small_stft_config(sampling=CONSISTENTLY)
    run, mel = UnrolledRun(untrained(config)), mel_of(config, 2, 9)
    white = noise(2, run.n_draws * 9 * 256).reshape(2, run.n_draws, -1)
    with torch.no_grad():
        expected = run(mel, white)
        with _graph_terms(run.model):
            made = run(mel, white)
    assert (made - expected).abs().max() < 1e-3 * expected.abs().max()
    assert (made - expected).abs().max() > 0  # by other operations


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> "tuple[Path, object]":
    """The graph of `QUICK` without an input for noise: its file and a session."""
    path = tmp_path_factory.mktemp("quick") / "vocoder.onnx"
    return path, exported(untrained(QUICK), path, noise_input=False)[1]


@pytest.mark.slow
def test_without_a_noise_input_it_draws_its_own(quick: "tuple[Path, object]") -> None:
    config, (_, session) = QUICK, quick
    assert [value.name for value in session.get_inputs()] == ["mel"]
    assert session.get_inputs()[0].shape == ["batch", 80, "frames"]
    mel = mel_of(config, 2, 12).numpy()
    one, other = (session.run(None, {"mel": mel})[0] for _ in range(2))
    assert one.shape == (2, 1, 12 * 256)
    assert np.abs(one - other).max() > 0.1 * np.abs(one).max()
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["model_type"] == "hifigan"
    assert (facts["sample_rate"], facts["steps"]) == ("22050", "1")
    assert json.loads(facts["mel"])["n_mels"] == 80


def test_a_model_without_a_mel_is_refused() -> None:
    from audiodiff.export.run import UnrolledRun

    config = small_config(
        mel=None, network={"kind": "diffwave", "n_channels": 4, "n_layers": 2, "n_mels": None},
        prior={"kind": "unit"},
    )  # fmt: skip
    with pytest.raises(AudiodiffError, match="takes no mel"):
        UnrolledRun(untrained(config))


def test_a_model_that_takes_a_text_is_refused() -> None:
    from audiodiff.export.run import UnrolledRun

    network = {
        "kind": "unet", "shape": (2, 512), "widths": (32,), "n_blocks": 1, "frames": {"mel": 80},
        "text": {"width": 32},
    }  # fmt: skip
    config = small_config(codec={"kind": "stft"}, network=network, prior={"kind": "unit"})
    with pytest.raises(AudiodiffError, match="takes a text and an exported run would take none"):
        UnrolledRun(untrained(config))


def fixed_acoustic_model(mel: np.ndarray, folder: Path) -> "tuple[Path, Path, Path]":
    """A Matcha of sherpa-onnx that speaks one mel, whatever the text; its lexicon and tokens."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def info(name: str, kind: int, shape: "list[int | str]") -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    graph = helper.make_graph(
        [helper.make_node("Identity", ["fixed"], ["mel"])],
        "acoustic",
        [
            info("x", TensorProto.INT64, [1, "tokens"]),
            info("x_length", TensorProto.INT64, [1]),
            info("noise_scale", TensorProto.FLOAT, [1]),
            info("length_scale", TensorProto.FLOAT, [1]),
        ],
        [info("mel", TensorProto.FLOAT, list(mel.shape))],
        [numpy_helper.from_array(mel, "fixed")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    facts = {"model_type": "matcha-tts", "sample_rate": 22050, "n_speakers": 1, "version": 1}
    facts |= {"jieba": 1, "has_espeak": 0, "pad_id": 0, "use_eos_bos": 0, "num_ode_steps": 3}
    helper.set_model_props(model, {name: str(value) for name, value in facts.items()})
    onnx.save(model, folder / "acoustic.onnx")
    (folder / "tokens.txt").write_text("n 0\ni 1\nh 2\nao 3\n")
    (folder / "lexicon.txt").write_text("你 n i\n好 h ao\n", encoding="utf-8")
    return folder / "acoustic.onnx", folder / "lexicon.txt", folder / "tokens.txt"


@pytest.mark.slow
def test_sherpa_onnx_speaks_with_it(quick: "tuple[Path, object]", tmp_path: Path) -> None:
    sherpa = pytest.importorskip("sherpa_onnx")
    mel = mel_of(QUICK, 1, 40).numpy()
    acoustic, lexicon, tokens = fixed_acoustic_model(mel, tmp_path)
    matcha = sherpa.OfflineTtsMatchaModelConfig(
        acoustic_model=str(acoustic),
        vocoder=str(quick[0]),
        lexicon=str(lexicon),
        tokens=str(tokens),
    )
    model = sherpa.OfflineTtsModelConfig(matcha=matcha, num_threads=1, provider="cpu")
    made = sherpa.OfflineTts(sherpa.OfflineTtsConfig(model=model)).generate("你好")
    assert made.sample_rate == 22050
    assert len(made.samples) == 40 * 256
    assert 0.01 < np.abs(made.samples).max() <= 1.0


@pytest.mark.slow
def test_a_browser_makes_the_same_sound_and_the_guides_program_runs(
    quick: "tuple[Path, object]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("playwright")
    ort = pytest.importorskip("onnxruntime")
    monkeypatch.syspath_prepend(BENCHMARKS)
    browser = import_module("browser")
    if browser.chromium() is None:
        pytest.skip("there is no Chromium on the PATH")
    try:
        package = browser.downloaded(tmp_path)
    except AudiodiffError as error:
        pytest.skip(str(error))
    mel = browser.write_example(tmp_path, seconds=0.5)
    browser.with_fixed_noise(quick[0], tmp_path / "vocoder.onnx", mel)
    session = ort.InferenceSession(tmp_path / "vocoder.onnx", providers=["CPUExecutionProvider"])
    expected = session.run(None, {"mel": mel[None]})[0][0, 0].clip(-1, 1)
    np.save(tmp_path / "wide.npy", mel.astype(np.float64))
    with browser.opened(package, tmp_path) as page:
        sound, _ = browser.made(page)
        page.get_by_label("mel (.npy)").set_input_files(tmp_path / "wide.npy")
        page.get_by_text("error: the mel must be float32 of (n_mels, frames)").wait_for()
        guide = (BENCHMARKS.parent / "docs/guides/browser.md").read_text(encoding="utf-8")
        program = guide.split("```js\n")[1].split("```")[0]
        page.add_script_tag(content=f"{program}\nwindow.heard = samples.length", type="module")
        page.wait_for_function("window.heard")
        assert page.evaluate("window.heard") == len(expected)
    assert sound.shape == expected.shape
    assert sound.std() > 1e-3
    assert np.abs(sound - expected).max() < 1e-3 * np.abs(expected).max()
