"""Loss curves."""

from audiodiff.training.plots import curves_figure


def test_a_single_point_can_be_seen() -> None:
    one = curves_figure([{"step": 1, "train/loss": 0.5}])
    assert [line.get_marker() for line in one.axes[0].lines] == ["o"]
    two = curves_figure([{"step": n, "train/loss": 0.5} for n in (1, 2)])
    assert [line.get_marker() for line in two.axes[0].lines] == ["None"]
