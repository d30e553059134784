"""What libraries leave open, closed without a word."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_garbage() -> Iterator[None]:
    """Collects the sockets and loops that Gradio leaves open, or some later test were to blame."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            gc.collect()
