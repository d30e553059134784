"""`generate`: new sounds, and those that are there already."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import Run, files
from small_models import UNCONDITIONAL, small_config, untrained

from audiodiff.pipelines.generator import Generator


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("maker")
    untrained(small_config(**UNCONDITIONAL)).save(folder)
    return folder


def test_each_sound_is_that_of_its_seed(run: Run, maker: Path, tmp_path: Path) -> None:
    result = run("generate", maker, "-o", "out", "-n", 3, "--seconds", 0.1, "--seed", 4)
    assert result.status == 0
    assert result.err.splitlines()[-1] == "3 written"
    assert files(tmp_path / "out") == ["00004.wav", "00005.wav", "00006.wav"]
    made, _ = soundfile.read(tmp_path / "out/00005.wav")
    expected = Generator.from_pretrained(maker).generate(2205, seed=5)[0].clamp(-1, 1)
    np.testing.assert_allclose(made, expected, rtol=0, atol=2**-15)


def test_what_is_there_stays_and_another_runs_is_said(
    run: Run, maker: Path, tmp_path: Path
) -> None:
    words = ("generate", maker, "-o", "out", "-n", 2, "--seconds", 0.1)
    run(*words)
    before = (tmp_path / "out/00000.wav").read_bytes()
    again = run(*words, "-n", 3)
    said = "1 written, 2 there already (--overwrite makes them again)"
    assert again.err.splitlines()[-1] == said
    other = run(*words, "--steps", 5)
    assert other.status == 0
    first, second = other.err.splitlines()
    assert first == (
        "warning: another run made 2 of the 2 there already, e.g. out/00000.wav: steps 2, now 5; "
        "--overwrite makes them again"
    )
    assert second.startswith("0 written, 2 there already")
    assert (tmp_path / "out/00000.wav").read_bytes() == before
    assert run(*words, "--steps", 5, "--overwrite").err.endswith("2 written\n")
    assert (tmp_path / "out/00000.wav").read_bytes() != before


def test_an_unknown_label_is_one_sentence(run: Run, maker: Path, tmp_path: Path) -> None:
    result = run("generate", maker, "-o", "out", "--label", "seven")
    assert result.status == 2
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    assert files(tmp_path) == []


def test_one_label_of_each_kind_is_taken(run: Run, tmp_path: Path) -> None:
    network = {"kind": "unet", "shape": (), "patch": 32, "widths": (32,), "n_blocks": 1}
    labels = {"digit": ("zero", "one"), "speaker": ("jackson", "theo")}
    guided = {"times": [1.0, 0.5, 0.0], "guidance": [{"kind": "classifier-free"}]}
    config = UNCONDITIONAL | {"network": network, "labels": labels, "sampling": guided}
    untrained(small_config(**config)).save(tmp_path / "model")
    words = ("generate", "model", "-n", 2, "--seconds", 0.1, "--seed", 3)
    both = ("--label", "digit=one", "--label", "speaker=theo", "--guidance-scale", 2)
    assert run(*words, *both, "-o", "out").status == 0
    assert files(tmp_path / "out") == ["one-theo-00003.wav", "one-theo-00004.wav"]
    assert run(*words, "-o", "any").status == 0
    assert files(tmp_path / "any") == ["00003.wav", "00004.wav"]
    for wrong, sentence in (
        (("digit=one", "--label", "digit=zero"), "give one label of each kind"),
        (("one",), "this model has labels for digit, speaker"),
        (("digit=ten",), "digit='ten': this model has zero, one"),
    ):
        refused = run(*words, "--label", *wrong, "-o", "bad")
        assert refused.status == 2
        assert sentence in refused.err
