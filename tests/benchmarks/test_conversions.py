import pytest
from benchmark_scripts import Script

from audiodiff import PRESETS


@pytest.mark.slow
def test_conversions_has_a_row_for_every_preset(
    script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    script("conversions").main()
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows[2:]] == list(PRESETS)
    cells = {row[0]: row for row in rows[2:]}
    assert cells["hifigan"][1:4] == ["exact", "-", "0.000"]
    assert cells["nemo"][1:3] == ["each value", "window"]
    assert cells["vocos"][1] == "by the spectrum"
    assert float(cells["vocos"][4]) > 2
