import pytest
from benchmark_scripts import BENCHMARKS, Script


@pytest.mark.slow
def test_the_demo_is_watched_while_it_works(
    script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    script("demo").main(BENCHMARKS.parent / "examples" / "arctic_a0016.wav", 2, 1)
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[4:]]
    assert [row[0] for row in rows] == ["1", "2"]
    # The upload and the sound: the first one's is gone.
    assert [row[3] for row in rows] == ["2", "2"]
    assert all(float(row[2]) > 100 for row in rows)
