"""Tables of configuration: the keys of a config class, their types and defaults, from the class."""

import importlib
import inspect
import json
import re
from typing import Any

from audiodiff.config import Config

ATTRIBUTE = re.compile(r"^    (\w+): (.*(?:\n        .*)*)", re.MULTILINE)


def section(path: str) -> str:
    """The section of a class: its name, the first line of its docstring, and its table.

    Args:
        path: Import path of the class, such as ``audiodiff.training.config.TrainConfig``.
    """
    module, name = path.rsplit(".", 1)
    kind: type[Config] = getattr(importlib.import_module(module), name)
    schema = kind.model_json_schema()
    meanings = _meanings(kind)
    rows = [
        f"| `{key}` | {_type(what)} | {_default(key, what, schema)} | {meanings.get(key, '')} |"
        for key, what in schema["properties"].items()
    ]
    first = (inspect.getdoc(kind) or "").split("\n", 1)[0]
    head = ["| key | type | default | meaning |", "|---|---|---|---|"]
    return "\n".join(
        [f"### {name}", "", first.replace("``", "`"), "", *(head if rows else []), *rows]
    )


def _meanings(kind: type[Config]) -> dict[str, str]:
    """What the docstrings of a class and its bases say of each attribute."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        _, _, attributes = (inspect.getdoc(base) or "").partition("Attributes:\n")
        for name, text in ATTRIBUTE.findall(attributes):
            found[name] = re.sub(r"\s+", " ", text).replace("``", "`").replace("|", r"\|")
    return found


def _type(what: dict[str, Any]) -> str:
    """A type of JSON Schema in words."""
    if "$ref" in what:
        name = what["$ref"].rsplit("/", 1)[-1]
        return "table" if name == "Config" else f"[{name}](#{name.lower()})"
    if "anyOf" in what or "oneOf" in what:
        parts = dict.fromkeys(_type(part) for part in what.get("anyOf", what.get("oneOf")))
        return " or ".join(part for part in parts if part != "nothing")
    if "enum" in what or "const" in what:
        return ", ".join(
            f"`{json.dumps(value)}`" for value in what.get("enum", [what.get("const")])
        )
    kind = what.get("type")
    if kind in ("integer", "number"):
        return ("whole number" if kind == "integer" else "number") + _bounds(what)
    if kind == "array":
        items = what.get("prefixItems") or [what.get("items", {})]
        several = f"{len(items)} of " if "prefixItems" in what else "list of "
        return several + _type(items[0])
    return {"boolean": "true or false", "string": "text", "null": "nothing"}.get(
        kind or "", "table"
    )


def _bounds(what: dict[str, Any]) -> str:
    """The range of a number in words; bounds that are there for safety alone are left out."""
    parts = []
    if "exclusiveMinimum" in what:
        parts.append(f"above {what['exclusiveMinimum']:g}")
    if "minimum" in what:
        parts.append(f"from {what['minimum']:g}")
    if "exclusiveMaximum" in what:
        parts.append(f"below {what['exclusiveMaximum']:g}")
    if what.get("maximum", 1e9) < 1e9:
        parts.append(f"up to {what['maximum']:g}")
    return ", " + " ".join(parts) if parts else ""


def _default(key: str, what: dict[str, Any], schema: dict[str, Any]) -> str:
    if key in schema.get("required", []):
        return "must be given"
    if not {"default", "const"} & set(what):
        return "its own"
    value = what.get("default", what.get("const"))
    if value is None:
        return "none"
    shown = json.dumps(value)
    return f"`{shown}`" if len(shown) < 60 else f"as in `{type(value).__name__}`"
