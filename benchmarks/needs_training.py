"""Imported ahead of what trains: without torch or onnx, one sentence says what to install, and the status is 2."""

from __future__ import annotations

import sys

from streamsense.training import lacking

try:
    import onnx  # noqa: F401
    import torch  # noqa: F401
except ImportError as _error:
    sys.stderr.write(f"Error: {lacking(_error)}\n")
    raise SystemExit(lacking(_error).exit_code) from None
