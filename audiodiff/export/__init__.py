"""A run as an ONNX graph."""

from audiodiff.export.onnx import export_onnx
from audiodiff.export.run import UnrolledRun

__all__ = ["UnrolledRun", "export_onnx"]
