"""The pictures of docs/concepts.md: `python docs/site/pictures.py`."""

from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure

from audiodiff import Generator, Run
from audiodiff.audio.plots import save_figure

FOLDER = Path(__file__).parents[1] / "pictures"
SEED = 3
DIGIT = "seven"
TIMES = (0.0, 0.25, 0.5, 0.75, 1.0)
SCALES = (0.0, 1.0, 2.0, 5.0)


def main() -> None:
    """Draws what the model `digits` makes of noise, the way back to noise, and guidance."""
    generator = Generator.from_pretrained("digits")
    model, n_samples = generator.model, generator.n_samples
    cond = generator.condition({"digit": DIGIT})

    first, *between, end = model.steps(cond, n_samples, Run(seed=SEED))
    chosen = between[:: (len(between) + 1) // 3]
    estimates = [(f"estimate, t = {shot.t:.2f}", shot.estimate) for shot in chosen]
    draw("run", [*estimates, ("the end, t = 0", end.state)])

    noise, x_0 = first.state, end.state
    mixed = []
    for t in TIMES:
        at = torch.tensor([t])
        alpha, sigma = model.schedule.alpha(at), model.schedule.sigma(at)
        mixed.append((f"t = {t:g}", alpha[:, None, None] * x_0 + sigma[:, None, None] * noise))
    draw("forward", mixed)

    guided = []
    for scale in SCALES:
        *_, end = model.steps(cond, n_samples, Run(seed=SEED, guidance_scale=scale))
        guided.append((f"scale {scale:g}", end.state))
    draw("guidance", guided)


def draw(name: str, shown: Sequence[tuple[str, torch.Tensor]]) -> None:
    """Writes states of the mel beside each other as one picture."""
    figure = Figure(figsize=(1.5 * len(shown), 1.7), layout="constrained")
    for axis, (title, state) in zip(figure.subplots(1, len(shown)), shown, strict=True):
        axis.imshow(state[0], origin="lower", aspect="auto", cmap="magma", vmin=-1.5, vmax=2.5)
        axis.set(title=title, xticks=[], yticks=[])
    save_figure(figure, FOLDER / f"{name}.png")


if __name__ == "__main__":
    main()
