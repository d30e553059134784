"""Diffusion vocoders: mel spectrograms in, sound out, in few steps.

Examples:
    >>> import torch
    >>> from audiodiff import Vocoder
    >>> vocoder = Vocoder.from_pretrained("default")
    >>> mel = vocoder.mel(torch.randn(1, 22050) / 10)
    >>> vocoder(mel, n_steps=2).shape
    torch.Size([1, 22016])
"""

import lazy_loader

# The names are in __init__.pyi. Each is imported when it is first used, so that the command line
# starts without torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
