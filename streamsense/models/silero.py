"""Silero's voice activity net from the catalogue, ready to run: on the CPU, one thread, the same bytes at every run."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import onnxruntime

from streamsense.arrays import Float32Array
from streamsense.features.speech_probability import SILERO_SHA256
from streamsense.models.catalogue import model_files
from streamsense.models.session import cpu_session

SILERO = "silero_vad"
"""Its name in the catalogue."""
_RATE_HZ = np.array(16_000, np.int64)


class SileroNet:
    """Sound (576,) at 16 kHz and the memory (2, 1, 128) in, speech probability and the new memory out.

    The net's weights are by the Silero Team (MIT licence). It is on this computer or fetched once, as every model of
    the catalogue: with the first window, since a recording of frames needs none. Raises ModelError, which says how to
    bring it, where that is impossible.
    """

    sha256 = SILERO_SHA256

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        (path,) = model_files(SILERO).values()
        return cpu_session(path, self.sha256)[0]

    def __call__(self, sound: Float32Array, memory: Float32Array) -> tuple[float, Float32Array]:
        """Run one window. One at a time, as the net's authors do: in batches the last bits could differ."""
        inputs = {"input": sound[np.newaxis], "state": memory, "sr": _RATE_HZ}
        probability, memory = self._session.run(None, inputs)
        return float(probability[0, 0]), memory
