"""A file imports only from lower layers or from an earlier file of its own layer."""

import ast
from pathlib import Path

import audiodiff

ROOT = Path(audiodiff.__file__).parent

LAYERS = [
    ["errors", "_types", "config", "atomic", "files", "untrusted", "spans", "devices"],
    ["workers"],
    ["audio.io", "audio.frames", "audio.factored", "audio.mel", "audio.presets"],
    ["audio.melfiles"],
    ["audio.codecs", "audio.envelope", "audio.inversion", "audio.distance", "audio.griffin_lim"],
    ["audio.conversion", "audio.doctor", "checkpoint"],
    ["diffusion.schedules", "diffusion.targets", "diffusion.times", "diffusion.priors"],
    ["diffusion.noise", "models.convolution", "models.diffwave", "models.wavegrad"],
    ["models.bandsplit"],
    ["diffusion.denoiser", "diffusion.consistency"],
    ["samplers.exponential", "samplers.ancestral", "samplers.ddim", "samplers.heun"],
    ["samplers.dpm_solver", "samplers.unipc", "samplers.consistency", "samplers.langevin"],
    ["samplers.unrolled"],
    ["samplers.loop"],
    ["searched", "plots", "model_config", "model"],
    ["data.corpus", "data.clips", "data.cache", "data.paired", "data.labelled", "data.crops"],
    ["data.layouts", "data.prepare", "data.report", "data.shards"],
    ["metrics._shared", "metrics.perceptual", "metrics.pitch", "metrics.spectral"],
    ["metrics.silence", "metrics.evaluate", "metrics.tables"],
    ["training.config", "training.optimizers", "training.objectives", "training.spectral"],
    ["training.state", "training.session"],
    ["training.monitor", "training.run_folder", "training.trainer"],
    ["hub", "stream", "vocoder", "vocode", "cluster", "export"],
    ["importers.checkpoints", "importers.lmnt", "importers.philsyn", "importers.speechbrain"],
    ["convert"],
    ["search.problem", "search.dynamic", "search.straightness", "search.entry"],
    ["search.grid", "search.gradient", "search.learned"],
    ["search.judge", "search.memory", "search.command"],
    ["adapters.diffusers", "adapters.matcha", "adapters.f5_tts", "adapters.transformers"],
    ["adapters.nemo", "adapters.speechbrain", "adapters.espnet", "adapters.coqui"],
    ["adapters.torchaudio", "adapters.audioldm2"],
    ["demo.work", "demo.parts", "demo.compare", "demo.page"],
    ["terminal", "cli_search", "cli_doctor", "cli_export", "cli_prepare", "cli_stream"],
    ["cli_demo", "cli_generate", "cli_vocode", "cli", "__main__"],
]
ORDER = {name: i for i, name in enumerate(name for layer in LAYERS for name in layer)}


def imported(path: Path) -> set[str]:
    """The modules of this package that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("audiodiff"):
            module = (node.module or "").removeprefix("audiodiff").removeprefix(".")
            inner = {f"{module}.{alias.name}".removeprefix(".") for alias in node.names}
            names |= {name for name in inner if name in ORDER} or {module}
        elif isinstance(node, ast.Import):
            names |= {
                alias.name.removeprefix("audiodiff.")
                for alias in node.names
                if alias.name.startswith("audiodiff.")
            }
    return names


def test_imports_point_downwards() -> None:
    faults = []
    for path in ROOT.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.name == "__init__.py":
            continue
        assert name in ORDER, f"{name} has no layer; give it one"
        faults += [
            f"{name} imports {other}" for other in imported(path) if ORDER[other] >= ORDER[name]
        ]
    assert not faults


def test_every_layer_names_files_that_exist() -> None:
    for name in ORDER:
        assert (ROOT / (name.replace(".", "/") + ".py")).is_file(), name
