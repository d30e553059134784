"""Which clips a folder holds, and how they are split."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from noise_clips import ids_of, write, write_ljspeech

from audiodiff.data.audio_files import find_audio
from audiodiff.data.corpus import Corpus, clips_of, read_corpus, read_ids
from audiodiff.data.layouts import read_layout
from audiodiff.errors import AudiodiffError


def test_corpus_reads_real_speech(shared: Path) -> None:
    corpus = read_corpus([shared / "data/speech/flemishguy"])
    assert [len(corpus.train), len(corpus.dev), len(corpus.test)] == [655, 10, 20]
    assert corpus.notes == ()
    assert corpus.dev[0].id == "nl_rhasspy_1005_1601817748"
    assert all(clip.path.is_file() for clip in corpus.train + corpus.dev + corpus.test)


def test_corpus_of_two_folders_has_the_clips_of_each_under_its_name(tmp_path: Path) -> None:
    ann = write_ljspeech(tmp_path / "ann", ["a", "b"], train=["a"], dev=["b"])
    bob = write_ljspeech(tmp_path / "bob", ["a", "b"], train=["b"], dev=["a"])
    corpus = read_corpus([ann, bob])
    assert ids_of(corpus.train) == ["ann/a", "bob/b"]
    assert ids_of(corpus.dev) == ["ann/b", "bob/a"]


def test_corpus_of_a_plain_folder_is_every_audio_file_below_it(tmp_path: Path) -> None:
    for name in ("z.FLAC", "deep/er/a.b.wav", "y.ogg"):
        write(tmp_path / "in" / name, 100)
    (tmp_path / "in" / "cover.jpg").write_bytes(b"")
    corpus = read_corpus([tmp_path / "in"])
    assert sorted(ids_of(corpus.train + corpus.dev)) == ["deep/er/a.b", "y", "z"]


def test_corpus_names_listed_ids_without_a_file_and_counts_unlisted_files(tmp_path: Path) -> None:
    folder = write_ljspeech(
        tmp_path / "in", ["a", "b", "c", "d"], train=["a", "gone"], dev=["b", "lost"]
    )
    corpus = read_corpus([folder])
    assert ids_of(corpus.train) == ["a"]
    assert ids_of(corpus.dev) == ["b"]
    assert [note.removeprefix(str(folder)) for note in corpus.notes] == [
        "/train.txt lists 1 id without a file: 'gone'",
        "/dev.txt lists 1 id without a file: 'lost'",
        ": 2 clips unused, as not in train.txt or dev.txt",
    ]


def test_corpus_without_train_list_trains_on_the_rest_of_the_metadata(tmp_path: Path) -> None:
    folder = write_ljspeech(tmp_path / "in", ["a", "b", "c"], dev=["b"], test=["c"])
    write(folder / "wavs" / "rejected.wav", 100)
    corpus = read_corpus([folder])
    assert ids_of(corpus.train) == ["a"]
    assert ids_of(corpus.test) == ["c"]
    assert "1 clip unused, as not in dev.txt or test.txt or metadata.csv" in corpus.notes[0]


@pytest.mark.parametrize(
    ("n_clips", "n_dev"), [(2, 1), (5, 1), (6, 2), (100, 2), (200, 4), (3000, 32)]
)
def test_hold_out_has_its_size_and_is_told(tmp_path: Path, n_clips: int, n_dev: int) -> None:
    corpus = numbered_clips(tmp_path / "in", n_clips)
    assert len(corpus.dev) == n_dev
    assert len(corpus.train) == n_clips - n_dev
    assert not set(corpus.dev) & set(corpus.train)
    assert f"no dev.txt: {n_dev} training clip" in corpus.notes[0]


def test_hold_out_is_the_same_on_every_machine(tmp_path: Path) -> None:
    # A change would move validation clips of existing runs into training.
    assert ids_of(numbered_clips(tmp_path / "in", 100).dev) == ["clip29", "clip47"]
    (tmp_path / "beside").mkdir()
    write_ljspeech(tmp_path / "beside", ["a", "b"], dev=["a"])
    both = read_corpus([tmp_path / "in", tmp_path / "beside"])
    assert ids_of(both.dev) == ["in/clip29", "in/clip47", "beside/a"]


def numbered_clips(folder: Path, n_clips: int) -> Corpus:
    write(folder / "clip0.wav", 100)
    for i in range(1, n_clips):
        shutil.copy(folder / "clip0.wav", folder / f"clip{i}.wav")
    return read_corpus([folder])


def test_clips_are_checked_before_they_are_held_out(tmp_path: Path) -> None:
    (drawn,) = ids_of(numbered_clips(tmp_path / "in", 3).dev)
    (tmp_path / "in" / f"{drawn}.wav").write_text("no sound")
    corpus = read_corpus([tmp_path / "in"])
    assert len(corpus.dev) == 1
    assert drawn in ids_of(corpus.train)  # whose cache names it as left out
    for path in (tmp_path / "in").iterdir():
        path.write_text("no sound")
    with pytest.raises(AudiodiffError, match=r"none of the 3 clips can be read; the first: .*wav"):
        read_corpus([tmp_path / "in"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_what_is_hidden_or_no_file_is_no_clip(tmp_path: Path) -> None:
    for name in ("a.wav", "b/c.wav", ".ipynb_checkpoints/a.wav", "b/.hid/d.wav", ".e.wav"):
        write(tmp_path / "in" / name, 100)
    (tmp_path / "in" / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe.wav")
    (tmp_path / "in" / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    corpus = read_corpus([tmp_path / "in"])
    assert sorted(ids_of(corpus.train + corpus.dev)) == ["a", "b/c"]


def test_prepared_clips_are_not_mixed_with_others(tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.wav", 100)
    prepared = write_ljspeech(tmp_path / "in" / "deep" / "prepared", ["a", "b"], dev=["b"])
    (prepared / "prepare.json").write_text("{}")
    for read in (lambda: read_corpus([tmp_path / "in"]), lambda: find_audio(tmp_path / "in")):
        with pytest.raises(AudiodiffError, match=r"in/deep/prepared holds clips that `audiodiff"):
            read()
    assert list(find_audio(tmp_path / "in", without=prepared)) == ["a"]
    assert ids_of(read_corpus([prepared]).dev) == ["b"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs names of any bytes")
def test_every_name_survives_the_lists(tmp_path: Path) -> None:
    names = [" led", "trailed ", "a|b", "two\nlines", "two\rreturns", "\ufeffmark", "中", "é" * 125]
    for name in names:
        write(tmp_path / "wavs" / f"{name}.wav", 100)
    write(tmp_path / "wavs" / "sub" / "latin.wav", 100).path.rename(
        tmp_path / "wavs" / "sub" / os.fsdecode(b"caf\xe9.wav")
    )
    files = find_audio(tmp_path / "wavs")
    assert set(files) == {
        "%20led", "trailed%20", "a%7Cb", "two%0Alines", "two%0Dreturns", "%EF%BB%BFmark", "中",
        "é" * 125, "sub/caf%E9",
    }  # fmt: skip
    (tmp_path / "train.txt").write_text("\n".join(files), encoding="utf-8")
    assert read_ids(tmp_path / "train.txt") == list(files)
    write(tmp_path / "wavs" / "a%7Cb.wav", 100)
    with pytest.raises(AudiodiffError, match=r"would both be clip 'a%7Cb'; keep one"):
        find_audio(tmp_path / "wavs")


def test_corpus_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    def refused(message: str, *folders: Path) -> None:
        with pytest.raises(AudiodiffError, match=message):
            read_corpus(folders)

    refused("at least one folder")
    refused("nowhere does not exist", tmp_path / "nowhere")
    (tmp_path / "bare").mkdir()
    refused(r"no audio in .*bare.*\.flac, \.mp3, \.ogg, \.wav", tmp_path / "bare")
    refused(
        "lists 'b' in more than one of train.txt, test.txt",
        write_ljspeech(tmp_path / "twice", ["a", "b"], train=["a", "b"], test=["b"]),
    )
    refused(
        "leaves no clip to train on.* such as 'a'",
        write_ljspeech(tmp_path / "suffixed", ["a"], train=["a.wav"]),
    )
    refused("only the clip 'a'", write_ljspeech(tmp_path / "single", ["a"]))
    refused("same name 'single'", tmp_path / "single", tmp_path / "single")
    refused("lies in the other", tmp_path / "single", tmp_path / "single" / "wavs")
    write(tmp_path / "single" / "wavs" / "a.flac", 100)
    refused(r"a\.flac and .*a\.wav would both be clip 'a'", tmp_path / "single")
    latin = write_ljspeech(tmp_path / "latin", ["a", "b"])
    (latin / "metadata.csv").write_bytes("a|Fräulein".encode("latin-1"))
    refused("metadata.csv is not in UTF-8", latin)


def test_a_folder_of_voices_with_lists_of_their_own_is_refused(tmp_path: Path) -> None:
    write_ljspeech(tmp_path / "in" / "ann", ["a", "b", "c"], train=["a"], dev=["b"], test=["c"])
    write(tmp_path / "in" / "loose.wav", 100)
    root = tmp_path / "in"
    for read in (
        lambda: read_corpus([root]),
        lambda: clips_of(root, "test"),
        lambda: read_layout("folder", root, None),
    ):
        with pytest.raises(
            AudiodiffError, match=r"in.ann has lists of its own, .*; give each such"
        ):
            read()
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "test.txt").write_text("*c")
    assert read_layout("folder", root, lists).lists["test"] == ["ann/wavs/c"]
    # Lists that name the clips of all are read, and a text beside a clip is none.
    for split, id_ in zip(("train", "dev", "test"), "abc", strict=True):
        (tmp_path / "in" / f"{split}.txt").write_text(f"ann/wavs/{id_}")
    assert ids_of(read_corpus([tmp_path / "in"]).test) == ["ann/wavs/c"]
    for name in ("test", "other"):
        write(tmp_path / "texts" / "deep" / f"{name}.wav", 100)
    (tmp_path / "texts" / "deep" / "test.txt").write_text("What is said.")
    assert len(find_audio(tmp_path / "texts")) == 2
