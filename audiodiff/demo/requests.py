"""What the page accepts: wrong input is one sentence to its sender and one line in the log."""

import logging
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from gradio.route_utils import FnIndexInferError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audiodiff.errors import AudiodiffError
from audiodiff.system.untrusted import DAMAGED

MAX_UPLOAD = 50 * 2**20
"""Most bytes of the uploads that one request sends or names."""

MAX_BODY = 2**20
"""Most bytes of a request that uploads nothing; its largest part is a list of a few names."""

UNUSABLE: tuple[type[Exception], ...] = (gr.Error, *DAMAGED)
"""What Gradio raises for inputs of the right kind, in which only a file's place can be wrong."""

LOG = logging.getLogger(__name__)


def refused(said: str) -> gr.Error:
    """Logs one line about input that is refused, and makes the error that tells its sender."""
    sentence = " ".join(said.split())
    LOG.warning("refused: %s", sentence)
    # The page renders markup, and names in uploads may hold some. The sentence is shown until it is
    # closed, since some are long.
    return gr.Error(escape(sentence, quote=False), duration=None, print_exception=False)


class Gate:
    """Middleware that refuses requests that are too large or ask for unknown events."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        uploads = scope.get("path", "").endswith("/upload")
        most = MAX_BODY + (MAX_UPLOAD if uploads else 0)
        n_bytes = 0

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > most:
                raise HTTPException(413, f"the request is longer than {most // 2**20} MB")
            return message

        try:
            await self.app(scope, counted, send)
        except RuntimeError as error:
            # Gradio looks for a visit's events only once its answer has begun, and says there that
            # there are none.
            if not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            LOG.warning("refused: %.80s asked for an event that does not exist", scope["path"])


async def _no_such_request(request: Request, error: Exception) -> Response:
    """The answer to a request from which Gradio cannot tell an event and its inputs."""
    said = (
        f"{request.url.path:.80} does not take what it was sent; /gradio_api/info says what to send"
    )
    LOG.warning("refused: %s", said)
    return JSONResponse({"error": said}, 422)


async def _refused_request(request: Request, error: HTTPException) -> Response:
    """The answer to a request that is refused before or by Gradio."""
    LOG.warning("refused: %.80s: %s", request.url.path, error.detail)
    return await http_exception_handler(request, error)


APP: dict[str, Any] = {
    "middleware": [Middleware(Gate)],
    "exception_handlers": dict.fromkeys(
        (RequestValidationError, FnIndexInferError, LookupError, TypeError, ValueError),
        _no_such_request,
    )
    | {HTTPException: _refused_request},
}
"""The arguments of the web application behind the page."""


class Page(gr.Blocks):
    """Blocks that check what they are sent before Gradio does, whose errors are tracebacks."""

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """What the function of an event is called with.

        Raises:
            gr.Error: If an input is missing or of another kind than the page sends.
        """
        if block_fn.fn is None:
            raise refused("this event happens only in the browser")
        # What an event changed of a component, such as its choices, is kept for each visit.
        blocks = [
            block if state is None or block._id not in state else state[block._id]
            for block in block_fn.inputs
        ]
        try:
            check_inputs(blocks, inputs)
        except AudiodiffError as error:
            raise refused(str(error)) from error
        try:
            given = await super().preprocess_data(block_fn, inputs, state, explicit_call)
            n_bytes = sum(
                Path(value).stat().st_size
                for block, value in zip(block_fn.inputs, given, strict=True)
                if CHECKS.get(type(block)) is _a_file and value is not None
            )
        except UNUSABLE as error:
            raise refused(
                "a file was not uploaded to this page, or is gone; upload it again"
            ) from error
        if n_bytes > MAX_UPLOAD:
            raise refused(
                f"the uploads have {n_bytes / 2**20:.0f} MB and the limit is "
                f"{MAX_UPLOAD // 2**20}; give shorter ones"
            )
        return given


def check_inputs(blocks: list[Any], values: list[Any]) -> None:
    """Checks the inputs of an event against its components, which say what they take.

    Raises:
        AudiodiffError: If there are fewer or more values than components, or one is of another
            kind, out of bounds or no choice.
    """
    if len(values) != len(blocks):
        labels = ", ".join(_label(block) for block in blocks if type(block) in CHECKS)
        raise AudiodiffError(f"the request has {len(values)} values; give one each for {labels}")
    for block, value in zip(blocks, values, strict=True):
        check = CHECKS.get(type(block))
        remedy = None if check is None else check(block, value)
        if remedy is not None:
            said = "empty" if value in (None, "") else f"{value!r:.80}"
            raise AudiodiffError(f"{_label(block)} is {said}; {remedy}")


def _label(block: Any) -> str:
    return block.label or "Example"  # Gradio's examples have no label


def _a_number(block: gr.Slider | gr.Number, value: Any) -> str | None:
    """The remedy, unless a value is within the component's bounds, and whole if its step is."""
    low, high, whole = block.minimum, block.maximum, (block.step or 1) % 1 == 0
    number = type(value) in (int, float) and low <= value <= high
    if number and not (whole and value != int(value)):
        return None
    return f"give a {'whole ' if whole else ''}number from {low} to {high}"


def _a_choice(block: gr.Dropdown, value: Any) -> str | None:
    choices = [choice for _, choice in block.choices]
    return None if value in choices else f"choose from {', '.join(map(str, choices))}"


def _some_choices(block: gr.CheckboxGroup, value: Any) -> str | None:
    choices = [choice for _, choice in block.choices]
    some = isinstance(value, list) and [choice for choice in choices if choice in value]
    if isinstance(some, list) and len(some) == len(value):
        return None
    return f"give a list of some of {', '.join(map(str, choices))}, each once"


def _a_text(block: gr.Textbox, value: Any) -> str | None:
    most = MAX_BODY if block.max_length is None else block.max_length
    fits = isinstance(value, str) and len(value) <= most
    return None if fits else f"give a text of at most {most} characters"


def _a_file(block: gr.Audio | gr.File, value: Any) -> str | None:
    """The remedy, unless a value is nothing, or names a file as an upload does."""
    path = value.get("path") if isinstance(value, dict) else None
    named = isinstance(path, str) and path and "://" not in path
    return None if value is None or named else "upload a file and give what the upload returned"


def _an_example(block: gr.Dataset, value: Any) -> str | None:
    known = type(value) is int and 0 <= value < len(block.samples)
    return None if known else "give the number of an example, from 0 on"


CHECKS: dict[type, Callable[[Any, Any], str | None]] = {
    gr.Slider: _a_number,
    gr.Number: _a_number,
    gr.Dropdown: _a_choice,
    gr.CheckboxGroup: _some_choices,
    gr.Textbox: _a_text,
    gr.Audio: _a_file,
    gr.File: _a_file,
    gr.Dataset: _an_example,
}
"""The check of a value by the kind of its component: what to give instead, None if it is right."""
