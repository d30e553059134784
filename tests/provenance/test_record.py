"""Records: what they hold, where it comes from, and that it stays."""

import json
from pathlib import Path

import numpy as np
import pytest
from small_models import LABELLED, small_config, untrained

from audiodiff import AudiodiffError, Run
from audiodiff.audio import io
from audiodiff.audio.tags import Tags
from audiodiff.codecs.mel import MelCodecConfig
from audiodiff.model.found import weights_sha256
from audiodiff.model.hub import PRETRAINED
from audiodiff.model.model import Model
from audiodiff.provenance.compare import remark_on
from audiodiff.provenance.files import read_record, record_in, tags_of
from audiodiff.provenance.making import public_name, record_of
from audiodiff.provenance.record import Record, now
from audiodiff.provenance.spans import MAX_SPANS, merged, together
from audiodiff.samplers.registry import SAMPLERS

WAVE = np.zeros(2205, np.float32)
FILES = [("a.wav", "PCM_16"), ("a.flac", "PCM_16"), ("a.ogg", "VORBIS")]
FULL = Record(
    software="audiodiff 1.2",
    model="digits",
    weights="0f" * 32,
    sampler="dpm++2m",
    steps=4,
    seed=7,
    guidance_scale=1.5,
    labels={"digit": "seven", "voice": 'é 中 "'},
    settings={"rate": 22050, "seconds": 0.5, "preset": "hifigan"},
    synthetic=[(0.5, 1.25), (3, 4)],
)


@pytest.mark.parametrize(("name", "subtype"), FILES)
def test_a_record_is_read_again(name: str, subtype: io.Subtype, tmp_path: Path) -> None:
    io.save(tmp_path / name, WAVE, 22050, subtype, tags_of(FULL))
    dated = FULL.model_copy(update={"date": "2026-01-01T00:00:00Z"})
    assert read_record(tmp_path / name) == record_in(tmp_path / name) == dated


def test_the_longest_record_is_one_that_libsndfile_reads() -> None:
    spans = [(n + 0.123, n + 0.456) for n in range(20_000, 20_000 + 2 * MAX_SPANS)]
    longest = Record.parse(FULL.model_dump() | {"synthetic": spans}, "the record")
    assert len(longest.synthetic) == MAX_SPANS
    assert len(tags_of(longest).comment) < 2048


def test_a_record_is_that_of_the_models_run(tmp_path: Path) -> None:
    untrained(small_config(**LABELLED)).save(tmp_path / "users" / "theo")
    model = Model.load(tmp_path / "users" / "theo")
    run = Run("heun", n_steps=3, seed=5)
    record = record_of(model, str(tmp_path / "users" / "theo"), run, {"rate": 8000, "preset": None})
    assert record.model_dump(exclude={"software"}, exclude_defaults=True) == {
        "weights": weights_sha256(tmp_path / "users" / "theo"),
        "sampler": "heun",
        "steps": 3,
        "seed": 5,
        "guidance_scale": model.config.sampling.guidance_scale,
        "settings": {"rate": 8000},
        "synthetic": "all",
    }
    own = record_of(model, "", Run(SAMPLERS["ddim"]()), synthetic=[(1, 2)])
    assert own.sampler == type(SAMPLERS["ddim"]()).__name__
    assert own.synthetic == ((1.0, 2.0),)
    with pytest.raises(AudiodiffError, match=r"the span \(2\.0, 1\.0\) does not end after its"):
        record_of(model, "", Run(), synthetic=[(2, 1)])


def test_a_model_of_mels_names_its_vocoder(tmp_path: Path) -> None:
    model = Model.load(PRETRAINED / "digits")
    record = record_of(model, "digits", Run(), {"seconds": 1})
    assert (record.model, record.weights) == ("digits", weights_sha256(PRETRAINED / "digits"))
    assert record.settings == {"vocoder": "default", "seconds": 1}
    untrained(small_config()).save(tmp_path)
    model.codec = MelCodecConfig(vocoder=str(tmp_path)).build()
    assert record_of(model, "", Run()).settings == {"vocoder": weights_sha256(tmp_path)[:12]}


def test_no_record_holds_a_path_or_a_users_name(tmp_path: Path) -> None:
    untrained(small_config()).save(tmp_path / "secret")
    for name in ("default", "digits"):
        assert public_name(name) == name
    assert public_name("secretary/vocoder") == "vocoder"
    assert public_name(str(tmp_path / "secret")) is None
    record = record_of(Model.load(tmp_path / "secret"), str(tmp_path / "secret"), Run())
    io.save(tmp_path / "a.wav", WAVE, 22050, tags=tags_of(record))
    content = (tmp_path / "a.wav").read_bytes()
    assert b"secret" not in content
    assert str(tmp_path).encode() not in content


def test_spans_cover_what_was_made() -> None:
    assert merged([(0.3, 0.3001), (5, 6), (0.1, 0.2), (5.5, 7)]) == (
        (0.1, 0.2),
        (0.3, 0.301),
        (5.0, 7.0),
    )
    many = merged([(n + n * n / 1e4, n + 1) for n in range(100)])
    assert len(many) == MAX_SPANS
    # The narrowest gaps come first, so the first spans are one.
    assert many[0] == (0, 37)
    assert many[-1] == (99.98, 100)
    with pytest.raises(ValueError, match="there is no span"):
        merged([])
    assert together([(1, 2)], "all") == "all"


def test_the_date_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert now() == "2023-11-14T22:13:20Z"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "253402300799")
    assert now() == "9999-12-31T23:59:59Z"
    for wrong in ("", "-1", "noon", "253402300800", "9" * 5000):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", wrong)
        with pytest.raises(AudiodiffError, match=r"SOURCE_DATE_EPOCH='.* is no number of seconds"):
            now()
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert now() > "2026"


def test_runs_differ_by_their_settings_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    io.save(path, WAVE, 22050, tags=tags_of(FULL))
    assert remark_on({path: FULL}) is None
    assert remark_on({path: FULL.model_copy(update={"software": "audiodiff 2"})}) is None
    changed = {"steps": 5, "weights": "1e" * 32, "settings": {"rate": 8000, "seconds": 0.5}}
    remark = remark_on({path: FULL.model_copy(update=changed)})
    assert remark == (
        1,
        f"another run made 1 of the 1 there already, e.g. {path}: weights 0f0f0f0f0f0f, now "
        "1e1e1e1e1e1e, steps 4, now 5, rate 22050, now 8000, preset hifigan, now not given",
    )
    io.save(path, WAVE, 22050)
    assert remark_on({path: FULL}) is None


def test_what_a_later_version_adds_is_ignored(tmp_path: Path) -> None:
    comment = json.dumps({"audiodiff": FULL.model_dump(mode="json") | {"mood": ["new"]}})
    io.save(tmp_path / "a.wav", WAVE, 22050, tags=Tags(comment, "", "", ""))
    assert read_record(tmp_path / "a.wav") == FULL
