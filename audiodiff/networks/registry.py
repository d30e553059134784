"""The networks by name."""

from typing import Annotated, TypeAlias

from audiodiff.config import of_kind
from audiodiff.networks.bandsplit import BandSplitConfig
from audiodiff.networks.contract import NetworkConfig
from audiodiff.networks.diffwave import DiffWaveConfig
from audiodiff.networks.unet import UNetConfig
from audiodiff.networks.wavegrad import WaveGradConfig

NETWORKS: dict[str, type[NetworkConfig]] = {
    "diffwave": DiffWaveConfig,
    "wavegrad": WaveGradConfig,
    "band-split": BandSplitConfig,
    "unet": UNetConfig,
}
"""The config of every network by the name that a model's config gives as ``kind``.

Assign to it to add one.
"""

AnyNetwork: TypeAlias = Annotated[NetworkConfig, of_kind(NETWORKS)]
"""The field type for configs that hold a network."""
