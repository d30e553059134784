"""Tiny corpora in the layout of the real ones."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from audiodiff.data.layouts import Layout
from audiodiff.data.prepare import prepare
from audiodiff.data.prepared import Manifest, PrepareSettings

RECIPES = Path(__file__).parents[1] / "recipes"


def put(path: Path, seed: int, rate: int = 22050, seconds: float = 0.8, channels: int = 1) -> None:
    """A clip with a sound of its own: a tone that swells in some noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate))[:, None] / rate
    tone = 0.3 * np.sin(2 * np.pi * (150 + 20 * seed) * time) * np.sin(np.pi * time / seconds)
    wave = tone + 0.01 * rng.standard_normal((len(time), channels))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate)


def ljspeech(root: Path) -> None:
    for seed, name in enumerate(f"LJ00{chapter}-000{n}" for chapter in range(1, 6) for n in (1, 2)):
        put(root / "LJSpeech-1.1" / "wavs" / f"{name}.wav", seed)
    (root / "LJSpeech-1.1" / "metadata.csv").write_text("LJ001-0001|Text.|Text.\n")


VCTK_SPEAKERS = (
    "p225", "p226", "p347", "p351", "p360", "p361", "p362", "p363", "p364", "p374", "p376", "s5",
)  # fmt: skip


def vctk(root: Path) -> None:
    for seed, speaker in enumerate(VCTK_SPEAKERS):
        for n in (1, 2):
            for mic in (1, 2):
                name = f"{speaker}_00{n}_mic{mic}.flac"
                folder = root / "VCTK-Corpus-0.92" / "wav48_silence_trimmed" / speaker
                put(folder / name, 10 * seed + n, rate=48000)


def libritts(root: Path) -> None:
    for seed, subset in enumerate(("train-clean-100", "dev-clean", "test-clean")):
        for n in range(3):
            name = f"10{seed}_1_00000{n}_000000.wav"
            folder = root / "LibriTTS_R" / subset / f"10{seed}" / "1"
            put(folder / name, 10 * seed + n, rate=24000)


def speech_commands(root: Path) -> None:
    names = []
    for seed, word in enumerate(("zero", "one", "marvin")):
        for n in range(4):
            names.append(f"{word}/0a7c2a8{seed}_nohash_{n}.wav")
            put(root / names[-1], 10 * seed + n, rate=16000, seconds=1.0)
    (root / "validation_list.txt").write_text("".join(f"{name}\n" for name in names[1::4]))
    (root / "testing_list.txt").write_text("".join(f"{name}\n" for name in names[2::4]))


def digits(root: Path) -> None:
    for seed, name in enumerate(
        f"{d}_{s}_{n}" for d in (0, 7) for s in ("theo", "lucas") for n in (0, 5, 12, 13)
    ):
        put(
            root / "free-spoken-digit-dataset" / "recordings" / f"{name}.wav",
            seed,
            rate=8000,
            seconds=0.3,
        )


def musdb(root: Path) -> None:
    validation = (RECIPES / "musdb" / "splits" / "dev.txt").read_text().splitlines()
    tracks = [*validation, "train/Some - Song [Live]", "train/Other - Song", "test/Other - Tune"]
    for seed, track in enumerate(tracks):
        for stem in ("mixture", "vocals"):
            path = root / "musdb18hq" / track / f"{stem}.wav"
            put(path, seed, rate=44100, channels=2)


CORPORA: dict[str, Callable[[Path], None]] = {
    "ljspeech": ljspeech,
    "vctk": vctk,
    "libritts": libritts,
    "speech-commands": speech_commands,
    "digits": digits,
    "musdb": musdb,
}


SETTINGS = PrepareSettings(sample_rate=16000)


def prepared(layout: Layout, out: Path, settings: PrepareSettings = SETTINGS) -> Manifest:
    with ThreadPoolExecutor(2) as pool:
        return prepare(layout, out, settings, pool, lambda n: None)[1]
