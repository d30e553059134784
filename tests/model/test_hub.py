"""Models of the hub where it cannot be reached."""

import huggingface_hub
import pytest

from audiodiff import AudiodiffError
from audiodiff.model.hub import model_directory


@pytest.mark.parametrize(
    "endpoint", ["", "hub.example", "ftp://hub.example", "https://", "http://[b"]
)
def test_an_endpoint_that_is_no_address_is_one_sentence(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    with pytest.raises(AudiodiffError) as caught:
        model_directory("owner/name")
    assert str(caught.value) == (
        f"HF_ENDPOINT={endpoint!r} is no address; unset it, or give one like https://huggingface.co"
    )
    assert model_directory("default").is_dir()


@pytest.mark.parametrize(
    "error",
    [
        ImportError("a SOCKS proxy needs socksio"),
        ValueError("Unknown scheme for proxy URL"),
        OSError("Connection refused"),
    ],
)
def test_a_hub_that_cannot_be_reached_is_one_sentence(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(AudiodiffError) as caught:
        model_directory("owner/name")
    assert str(caught.value) == (
        f"model 'owner/name' is not a directory and could not be fetched from the hub ({error!s})"
    )
