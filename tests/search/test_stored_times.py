import shutil
from pathlib import Path

import pytest
import torch
from found_times import found_for
from searches import TINY, files, no_report, run_search, worth_of

from audiodiff import AudiodiffError, ModelConfig, Vocoder
from audiodiff.model import found
from audiodiff.model.found import (
    Found,
    forget_times,
    read_times,
    save_times,
    times_folder,
    user_times,
    weights_digest,
)
from audiodiff.model.hub import is_own, model_directory
from audiodiff.model.model import Model
from audiodiff.search.command import Task, search


def found_by(method: str, pesq: float, directory: Path) -> Found:
    return found_for(directory, method=method, pesq_wb=pesq)


def test_a_directory_is_the_users_own_outside_the_package_and_the_hub(
    packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    snapshot = tmp_path / "hub" / "models--a--b" / "snapshots" / "0"
    snapshot.mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(packaged)
    assert is_own(tmp_path / "mine")
    assert not any(is_own(folder) for folder in (packaged, snapshot, link))
    assert not is_own(model_directory("tiny"))


def test_times_of_a_packaged_model_go_to_the_users_folder(
    packaged: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_of(monkeypatch, lambda times: times[1].item())
    before = files(packaged)
    folder = search(packaged, Task([clips], None, [2], "likelihood"), print, no_report)
    assert files(packaged) == before
    assert folder == tmp_path / "data" / "audiodiff" / "times" / weights_digest(packaged)
    assert list(files(folder)) == ["schedules.json"]
    searched = Model.load(packaged).searched["ddim", 2]
    assert searched.method == "likelihood"
    assert Vocoder.from_pretrained("tiny").model.searched["ddim", 2] == searched


def test_of_times_in_both_places_those_count_where_a_search_stores_them(
    packaged: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(packaged, tmp_path / "own")
    for here, users in ((2.0, 3.0), (3.0, 2.0)):
        for directory, best in ((packaged, "grid"), (own, "learned")):
            save_times(directory, {("ddim", 2): found_by("learned", here, packaged)})
            save_times(
                user_times() / weights_digest(own), {("ddim", 2): found_by("grid", users, own)}
            )
            assert Model.load(directory).searched["ddim", 2].method == best


def test_forced_times_are_used_whatever_the_other_place_has(
    packaged: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_of(monkeypatch, lambda times: 1.0)
    save_times(packaged, {("ddim", 2): found_by("grid", 4.0, packaged)})
    task = Task([clips], None, [2], "likelihood", force=True)
    search(packaged, task, print, no_report)
    assert Model.load(packaged).searched["ddim", 2].method == "likelihood"


def test_times_are_forgotten_but_for_those_that_came_with_the_model(
    packaged: Path, tmp_path: Path
) -> None:
    own = shutil.copytree(packaged, tmp_path / "own")
    assert forget_times(packaged) == {}
    entry = {("ddim", 2): found_by("grid", 4.0, packaged)}
    folder = times_folder(packaged)
    for place in (packaged, own, folder):
        save_times(place, entry)
        (place / "schedules.png").touch()
    assert forget_times(packaged) == {folder / "schedules.json": entry}
    assert files(folder) == {}
    assert Model.load(packaged).searched  # the author's
    assert forget_times(own) == {own / "schedules.json": entry}
    assert sorted(files(own)) == ["config.json", "model.safetensors"]


def test_weights_are_hashed_only_beside_times(
    packaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, entry = times_folder(packaged), found_by("grid", 2.0, packaged)
    folder.mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(found, "weights_digest", None)
        assert not Model.load(packaged).searched
    save_times(folder, {("ddim", 2): entry})
    assert Model.load(packaged).searched


def test_out_gets_a_copy_of_the_model_with_the_times(
    packaged: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_of(monkeypatch, lambda times: times[1].item())
    (packaged / "README.md").write_text("A model.")
    four = found_by("grid", 4.0, packaged)
    four = four.model_copy(update={"times": (1.0, 0.8, 0.6, 0.4, 0.0)})
    save_times(times_folder(packaged), {("ddim", 4): four})
    before = files(packaged)
    out = tmp_path / "deep" / "out"
    task = Task([clips], None, [2], "likelihood")
    assert search(packaged, task, print, no_report, out) == out
    assert files(packaged) == before
    assert files(out).items() >= before.items()
    assert sorted(files(out)) == sorted([*before, "schedules.json"])
    assert sorted(read_times(out / "schedules.json", weights_digest(out))) == [
        ("ddim", 2),
        ("ddim", 4),
    ]
    # Again into the same folder, which keeps what it has.
    search(packaged, task._replace(steps=[3]), print, no_report, out)
    assert sorted(n for _, n in Model.load(out).searched) == [2, 3, 4]
    torch.manual_seed(1)
    Model(ModelConfig.parse(TINY, "test")).save(out)
    with pytest.raises(AudiodiffError, match="out holds another model; give a new or an empty"):
        search(packaged, task, print, no_report, out)


def test_a_data_folder_that_cannot_be_written_names_the_remedy(
    packaged: Path, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_of(monkeypatch, lambda times: 1.0)
    (tmp_path / "data").write_text("a file where a folder should be")
    message = r"times.* cannot be made as .*data is a file; give --out DIR to get a copy"
    with pytest.raises(AudiodiffError, match=message):
        run_search(packaged, clips, "likelihood", 2)


def test_times_of_other_weights_are_not_used(
    directory: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worth_of(monkeypatch, lambda times: 1.0)
    run_search(directory, clips, "likelihood", 2, force=True)
    assert Model.load(directory).searched
    torch.manual_seed(1)
    Model(ModelConfig.parse(TINY, "test")).save(directory)
    assert not Model.load(directory).searched


def test_a_damaged_file_is_refused(directory: Path) -> None:
    (directory / "schedules.json").write_text("[{]")
    with pytest.raises(AudiodiffError, match=r"schedules.json is not JSON .*; delete it"):
        Model.load(directory)
