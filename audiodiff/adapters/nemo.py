"""NeMo: ``vocoder.convert_spectrogram_to_audio(spec=...)``."""

from audiodiff._types import Wave
from audiodiff.adapters._call import SystemMel, SystemVocoder


class NemoVocoder(SystemVocoder):
    """Takes the `nemo` mel."""

    preset = "nemo"

    def convert_spectrogram_to_audio(self, spec: SystemMel) -> Wave:
        """The sound of mels."""
        return self._sound(spec)
