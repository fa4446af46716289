"""Holds Python's lock as a badly written extension module does: every thread of Python stands still meanwhile."""

from __future__ import annotations

import ctypes


def hold_lock(seconds: float) -> None:
    ctypes.PyDLL(None).usleep(ctypes.c_uint(round(seconds * 1e6)))
