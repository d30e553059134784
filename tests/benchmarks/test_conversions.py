import pytest
from benchmark_scripts import Script

from audiodiff import PRESETS

SHOWN = ("hifigan", "nemo", "vocos")


@pytest.mark.slow
def test_conversions_has_a_row_for_every_preset(
    script: Script, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    conversions = script("conversions")
    monkeypatch.setattr(conversions, "PRESETS", {name: PRESETS[name] for name in SHOWN})
    conversions.main()
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows[2:]] == list(SHOWN)
    cells = {row[0]: row for row in rows[2:]}
    assert cells["hifigan"][1:4] == ["exact", "-", "0.000"]
    assert cells["nemo"][1:3] == ["each value", "window"]
    assert cells["vocos"][1] == "by the spectrum"
    assert float(cells["vocos"][4]) > 2
