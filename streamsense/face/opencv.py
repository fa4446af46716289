"""OpenCV, or a clear word about what is missing."""

from __future__ import annotations

import os
from typing import Any

from streamsense.errors import DependencyError


def opencv_missing(error: ImportError) -> DependencyError:
    """The error a user can mend, for an import of `cv2` that failed with `error`."""
    if ".so" in str(error):
        return DependencyError(
            f"OpenCV is installed but a system library that it needs is not: {error}. On Debian and Ubuntu: "
            "`sudo apt install libgl1 libglib2.0-0`."
        )
    return DependencyError(f"OpenCV cannot be imported ({error}). Reinstall it with `pip install opencv-python`.")


# FFmpeg inside OpenCV writes each failed connection to the terminal; read once, at import.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
try:
    import cv2 as _cv2
except ImportError as _error:
    raise opencv_missing(_error) from _error

cv2: Any = _cv2
# Every failure that matters is told by our own errors.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
