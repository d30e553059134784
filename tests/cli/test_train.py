"""`train`: from clips to a model that vocodes."""

from pathlib import Path

from command_line import CONFIG, Run, write_tone


def test_train_makes_a_model_that_vocodes(run: Run, tmp_path: Path) -> None:
    for i in range(3):
        write_tone(tmp_path / f"data/{i}.wav", 150 + 50 * i)
    (tmp_path / "a.toml").write_text(CONFIG)
    result = run("train", "a.toml", "--data", "data", "-o", "run", "--set", "optimizer.lr=1e-3")
    assert result.status == 0
    assert "step 2/2" in result.err
    assert run("vocode", "data/0.wav", "-o", "out", "--model", "run/model").status == 0
    again = run("train", "a.toml", "--data", "data", "-o", "run")
    assert again.status == 2
    assert again.err.startswith("error: run holds a run; add --resume")


def test_a_resumed_run_takes_the_settings_of_its_folder(run: Run, tmp_path: Path) -> None:
    for i in range(3):
        write_tone(tmp_path / f"data/{i}.wav", 150 + 50 * i)
    (tmp_path / "a.toml").write_text(CONFIG)
    new = run("train", "--data", "data", "-o", "run")
    assert new.err.startswith("error: give the CONFIG.toml of a new run, or --resume")
    none = run("train", "--data", "data", "-o", "run", "--resume")
    assert none.err.startswith("error: run holds no run to resume")
    run("train", "a.toml", "--data", "data", "-o", "run", "--set", "optimizer.lr=1e-3")
    words = ("train", "--resume", "--data", "data", "-o", "run")
    again = run(*words, "--set", "steps=3")
    assert again.status == 0
    assert "step 3/3" in again.err
    other = run(*words, "--set", "optimizer.lr=1e-2")
    assert other.status == 2
    assert "differs from the config given in optimizer" in other.err
