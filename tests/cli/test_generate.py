"""`generate`: new sounds, and those that are there already."""

from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import Run, files
from small_models import LABELLED, UNCONDITIONAL, WORDED, small_config, untrained

from audiodiff._types import Condition, Wave
from audiodiff.model.found import weights_sha256
from audiodiff.pipelines.generator import Generator
from audiodiff.provenance.files import read_record
from audiodiff.provenance.record import Record


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("maker")
    untrained(small_config(**UNCONDITIONAL)).save(folder)
    return folder


def test_each_sound_is_that_of_its_seed(run: Run, maker: Path, tmp_path: Path) -> None:
    result = run("generate", maker, "-o", "out", "-n", 3, "--seconds", 0.1, "--seed", 4)
    assert result.status == 0
    assert result.err.splitlines()[-1].startswith("3 written; 0.3 s of audio in ")
    assert files(tmp_path / "out") == ["00004.wav", "00005.wav", "00006.wav"]
    made, _ = soundfile.read(tmp_path / "out/00005.wav")
    expected = Generator.from_pretrained(maker).generate(seed=5, n_samples=2205)[0].clamp(-1, 1)
    np.testing.assert_allclose(made, expected, rtol=0, atol=2**-15)


def test_what_is_there_stays_and_another_runs_is_said(
    run: Run, maker: Path, tmp_path: Path
) -> None:
    words = ("generate", maker, "-o", "out", "-n", 2, "--seconds", 0.1)
    run(*words)
    before = (tmp_path / "out/00000.wav").read_bytes()
    again = run(*words, "-n", 3)
    said = "1 written, 2 there already (--overwrite makes them again)"
    assert again.err.splitlines()[-1].startswith(f"{said}; 0.1 s of audio in ")
    other = run(*words, "--steps", 5)
    assert other.status == 2
    first, second, third = other.err.splitlines()
    assert first == (
        "warning: another run made 2 of the 2 there already, e.g. out/00000.wav: steps 2, now 5; "
        "--overwrite makes them again"
    )
    assert second.startswith("0 written, 2 there already")
    assert third.startswith("error: nothing was made as asked, since other settings made what is ")
    # Some are as they were asked for.
    assert run(*words, "--steps", 5, "-n", 4).status == 0
    assert (tmp_path / "out/00000.wav").read_bytes() == before
    assert "\n2 written; " in run(*words, "--steps", 5, "--overwrite").err
    assert (tmp_path / "out/00000.wav").read_bytes() != before


def test_one_label_of_each_kind_is_taken(run: Run, tmp_path: Path) -> None:
    untrained(small_config(**LABELLED)).save(tmp_path / "model")
    words = ("generate", "model", "-n", 2, "--seconds", 0.1, "--seed", 3)
    both = ("--label", "digit=one", "--label", "speaker=theo", "--guidance-scale", 2)
    assert run(*words, *both, "-o", "out").status == 0
    assert files(tmp_path / "out") == ["one-theo-00003.wav", "one-theo-00004.wav"]
    assert run(*words, "-o", "any").status == 0
    assert files(tmp_path / "any") == ["00003.wav", "00004.wav"]
    assert read_record(tmp_path / "out/one-theo-00004.wav") == Record(
        software=f"audiodiff {version('audiodiff-vocoder')}",
        weights=weights_sha256(tmp_path / "model"),
        sampler="ddim",
        steps=2,
        seed=4,
        guidance_scale=2.0,
        labels={"digit": "one", "speaker": "theo"},
        settings={"seconds": 0.1},
        date="2026-01-01T00:00:00Z",
        synthetic="all",
    )
    for wrong, sentence in (
        (("digit=one", "--label", "digit=zero"), "give one label of each kind"),
        (("one",), "this model has labels for digit, speaker"),
        (("digit=ten",), "digit='ten': this model has zero, one"),
    ):
        refused = run(*words, "--label", *wrong, "-o", "bad")
        assert refused.status == 2
        assert sentence in refused.err


@pytest.fixture(scope="module")
def worded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worded")
    untrained(small_config(**WORDED)).save(folder)
    return folder


def test_a_text_names_the_files_and_is_stored(run: Run, worded: Path, tmp_path: Path) -> None:
    words = ("generate", worded, "-o", "out", "-n", 2, "--seconds", 0.1)
    text = " A man says\nnine: \N{SPEAKER} 九!"
    assert run(*words, "--text", text, "--negative-text", "quietly").status == 0
    names = files(tmp_path / "out")
    assert names == ["a-man-says-nine-00000.wav", "a-man-says-nine-00001.wav"]
    record = read_record(tmp_path / "out" / names[1])
    assert record is not None
    assert record.settings == {
        "seconds": 0.1, "text": "A man says nine: \N{SPEAKER} 九!", "negative_text": "quietly",
    }  # fmt: skip
    assert record.guidance_scale == 1.0
    made, _ = soundfile.read(tmp_path / "out" / names[1])
    expected = Generator.from_pretrained(worded).generate(
        seed=1, n_samples=2205, text=text, negative_text="quietly"
    )
    np.testing.assert_allclose(made, expected[0].clamp(-1, 1), rtol=0, atol=2**-14)
    again = run(*words, "--text", "a man says nine")
    assert "another run made 2 of the 2 there already" in again.err
    assert run(*words, "--text", "\N{SPEAKER}", "-n", 1).status == 0
    assert "00000.wav" in files(tmp_path / "out")


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("--text", "x" * 10_000, " has 10000 bytes and this model takes at most 40; shorten it\n"),
        (
            "--text",
            "caf\udce9",
            "error: text='caf\\udce9' is not in UTF-8; save or type it as such",
        ),
        ("--negative-text", "九" * 14, " has 42 bytes and this model takes at most 40"),
    ],
)
def test_a_text_that_cannot_be_is_one_sentence_and_no_file(
    run: Run, worded: Path, tmp_path: Path, option: str, text: str, sentence: str
) -> None:
    result = run("generate", worded, "-o", "out", option, text)
    assert (result.status, result.out) == (2, "")
    assert sentence in result.err
    assert result.err.startswith(f"error: {option.lstrip('-').replace('-', '_')}=")
    assert result.err.count("\n") == 1
    assert files(tmp_path) == []


def test_files_are_those_of_one_call_whatever_is_made_at_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    untrained(small_config(**LABELLED)).save(tmp_path / "model")
    batches = []
    make = Generator.make

    def counted(generator: Generator, cond: Condition, *rest: object) -> Wave:
        batches.append(len(cond["digit"]))
        return make(generator, cond, *rest)

    words = ("generate", "model", "-n", 5, "--label", "digit=one", "--steps", 3, "--seed", 2)
    monkeypatch.setattr(Generator, "make", counted)
    for name, *more in (("one", 1), ("two", 2), ("three", 1, "--batch-size", 2)):
        options = ("-o", name, "--sampler", "dpm++2m", "--threads", *more)
        assert run(*words, *options).status == 0
    monkeypatch.undo()
    assert sorted(batches) == sorted([5, 3, 2, 2, 2, 1])
    generator = Generator.from_pretrained(tmp_path / "model")
    expected = generator.generate(5, {"digit": "one"}, seed=2, n_steps=3, sampler="dpm++2m")
    assert expected.shape == (5, LABELLED["sampling"]["n_samples"])
    for name in ("one", "two", "three"):
        for i, wave in enumerate(expected):
            made, _ = soundfile.read(tmp_path / f"{name}/one-{i + 2:05}.wav")
            np.testing.assert_allclose(made, wave.clamp(-1, 1), rtol=0, atol=2**-14)


def test_names_of_classes_stay_within_the_folder(run: Run, tmp_path: Path) -> None:
    config = LABELLED | {"labels": {"digit": ("../a/b", "one"), "speaker": ("theo", "x")}}
    untrained(small_config(**config)).save(tmp_path / "model")
    assert run("generate", "model", "-n", 1, "--label", "digit=../a/b", "-o", "out").status == 0
    assert files(tmp_path / "out") == [".._a_b-00000.wav"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("-n 0", "Invalid value for '--count'"),
        ("--seconds 0", "Invalid value for '--seconds'"),
        ("--guidance-scale nan", "Invalid value for '--guidance-scale'"),
        ("--guidance-scale 2", "error: guidance_scale=2.0: this model has no guidance; leave it"),
        ("--guidance-scale 1e9", "error: guidance_scale=1000000000.0: input should be less than"),
        ("--label", "Option '--label' requires an argument"),
        ("--label seven", "error: label='seven': this model has no labels; choose accordingly"),
        ("--label digit=seven", "error: digit='seven': this model has no labels; choose"),
        ("--text seven", "error: text='seven': this model takes no text; leave it out"),
        ("--negative-text six", "error: negative_text='six': this model takes no text; leave"),
        ("--sampler nope", "error: sampler='nope' is unknown; choose from ddpm"),
        ("--steps 0", "Invalid value for '--steps'"),
        ("--seed -1", "Invalid value for '--seed'"),
        ("--batch-size 0", "Invalid value for '--batch-size'"),
        ("--device nope", "error: device='nope'"),
        ("--precision nope", "error: precision='nope' is unknown"),
    ],
)
def test_what_cannot_be_made_is_one_sentence_and_no_file(
    run: Run, maker: Path, tmp_path: Path, words: str, sentence: str
) -> None:
    result = run("generate", maker, "-o", "out", *words.split())
    assert result.status == 2
    assert sentence in result.err
    assert result.err.startswith("error: ") is sentence.startswith("error: ")
    assert "Traceback" not in result.err
    assert files(tmp_path) == []


def test_a_vocoder_that_is_not_there_is_one_sentence(run: Run, tmp_path: Path) -> None:
    codec = {"kind": "mel", "vocoder": "nowhere"}
    network = {"kind": "unet", "widths": (32,), "n_blocks": 1}
    config = small_config(**UNCONDITIONAL | {"codec": codec, "network": network})
    untrained(config).save(tmp_path / "model")
    result = run("generate", "model", "-o", "out")
    assert result.status == 2
    assert result.err.startswith("error: codec.vocoder='nowhere' of this model cannot be used: ")
    assert result.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
