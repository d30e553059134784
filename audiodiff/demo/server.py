"""Serving the page."""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from audiodiff.errors import AudiodiffError
from audiodiff.model.hub import pretrained_names

LOCAL = "127.0.0.1"

MODELS = ("default", "digits", "digits-text", "speech-edit")
"""The models of the package that visitors can choose."""


def launch(
    models: Sequence[str] = (),
    host: str | None = None,
    port: int | None = None,
    share: bool = False,
) -> None:
    """Serves the page until it is interrupted.

    Args:
        models: Names, directories or hub ids of the models that visitors can choose; those of the
            package if there are none.
        host: Network address to listen on; Gradio's environment variable or default if None.
        port: Port to listen on; Gradio's environment variable or default if None.
        share: Whether to create a public link through Gradio's relay.

    Raises:
        AudiodiffError: If there is no such model, or the address cannot be listened on.
    """
    local = LOCAL if host is None else host
    if port is not None:
        _check_free(local, port)
    # Gradio makes its clients as it is imported, and later asks its own server whether it is up.
    with _directly("*"):
        from audiodiff.demo.page import build
        from audiodiff.demo.requests import APP, MAX_UPLOAD
    page = build(models or [name for name in MODELS if name in pretrained_names()])
    try:
        with _directly(f"{local},{LOCAL},localhost" if share else "*"):
            page.launch(
                server_name=host,
                server_port=port,
                share=share,
                max_file_size=MAX_UPLOAD,
                app_kwargs=APP,
                quiet=True,  # Gradio's messages name its own arguments
                prevent_thread_lock=True,
            )
    except OSError as error:
        raise AudiodiffError(
            f"cannot listen on {local}, as all ports tried are in use; give a free --port"
        ) from error
    print(f"serving {page.local_url} until Ctrl-C", flush=True)
    page.block_thread()


def _check_free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            if os.name != "nt":  # where it would let two listen on one port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise AudiodiffError(
            f"cannot listen on {host} at port {port} ({error.strerror}); give another --port, or "
            "as --host an address of this machine"
        ) from error


@contextmanager
def _directly(hosts: str) -> Iterator[None]:
    """Keeps requests to some hosts, or to all by ``*``, from the proxies of the environment."""
    before = {name: os.environ.get(name) for name in ("no_proxy", "NO_PROXY")}
    for name, value in before.items():
        os.environ[name] = hosts if not value or hosts == "*" else f"{value},{hosts}"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
