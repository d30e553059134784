"""The networks, one a file."""

from audiodiff._types import Network
from audiodiff.networks.bandsplit import BandSplitConfig, BandSplitNet
from audiodiff.networks.contract import NetworkConfig
from audiodiff.networks.diffwave import DiffWave, DiffWaveConfig
from audiodiff.networks.registry import NETWORKS
from audiodiff.networks.texts import TEXTS
from audiodiff.networks.unet import UNet, UNetConfig
from audiodiff.networks.wavegrad import WaveGrad, WaveGradConfig

__all__ = [
    "NETWORKS",
    "TEXTS",
    "BandSplitConfig",
    "BandSplitNet",
    "DiffWave",
    "DiffWaveConfig",
    "Network",
    "NetworkConfig",
    "UNet",
    "UNetConfig",
    "WaveGrad",
    "WaveGradConfig",
]
