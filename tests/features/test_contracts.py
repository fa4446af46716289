"""A contract holds every constant that its feature's values depend on: else a model could be given other features."""

from __future__ import annotations

import ast
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import streamsense.features
from streamsense.features.band_entropy import BandEntropy, BandEntropySettings
from streamsense.features.voice_features import VoiceFeatures, VoiceFeaturesSettings
from streamsense.features.voice_front_end import VoiceFrontEndSettings
from streamsense.models.contract import contract_sha256

EEG = (
    "band_baseline", "band_design", "band_entropy", "band_filters", "band_settings", "band_sums", "common_reference",
    "eeg_quality", "entropy_cells", "entropy_window", "running_level", "section_filters", "spherical_splines",
)  # fmt: skip
VOICE = (
    "articulation", "contours", "frame_statistics", "hesitation_sounds", "log_mel", "loudness", "pitch", "prosody",
    "sound_highpass", "sound_resampler", "speech_gate", "speech_probability", "speech_timing", "voice_activity",
    "voice_features", "voice_front_end", "voice_normalisation",
)  # fmt: skip
FREE = {
    "what may be asked for, and what is refused": {
        "MEL_COUNTS", "LOWEST_RATE_HZ", "HIGHEST_RATE_HZ", "_HIGHEST_RATE_HZ", "_LARGEST_TABLE", "LONGEST_SILENCE_S",
        "LONGEST_HOLD_S",
    },
    "how it is computed": {"_ROWS", "_LANES", "_PASSES_ALL", "CELLS_KEPT", "_FADED_UV", "_FADE_EVERY"},
    "told before a stream is known": {"_TOLD_AT_HZ"},
    "how many columns there are": {"CONTOURS", "BESIDE_BANDS", "MEMORY_SHAPE"},
    "told in other words": {"_DOWN", "DELTA_FRAMES"},
    "of the quality, which is no input": {"LINE_FREQUENCIES_HZ", "_LARGEST_NAT", "CELLS", "LEAST_CELLS"},
}  # fmt: skip


def constants(module: str) -> dict[str, Any]:
    """The numbers that a module writes down, by name."""
    source = (Path(streamsense.features.__path__[0]) / f"{module}.py").read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            names = [name.id for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name)]
            try:
                value = ast.literal_eval(node.value)
            except ValueError:  # made of others, or of strings
                continue
            found |= {names[0]: value} if len(names) == 1 else dict(zip(names, value, strict=True))
    return {name: value for name, value in found.items() if name.strip("_").isupper() and is_number(value)}


def is_number(value: object) -> bool:
    if isinstance(value, tuple):
        return all(is_number(item) for item in value)
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def other(value: Any) -> Any:
    return tuple(other(item) for item in value) if isinstance(value, tuple) else value + 1


@pytest.mark.parametrize(
    ("operator", "modules", "expected"),
    [
        (BandEntropy(BandEntropySettings(interpolate=True)), EEG, "POPPED_PEAK_UV"),
        (
            VoiceFeatures(VoiceFeaturesSettings(front_end=VoiceFrontEndSettings(voice_activity="silero"))),
            VOICE,
            "DIP_DB",
        ),
    ],
    ids=["eeg", "voice"],
)
def test_another_constant_is_another_contract(
    operator: BandEntropy | VoiceFeatures, modules: tuple[str, ...], expected: str
) -> None:
    free, before = set.union(*FREE.values()), contract_sha256(operator.contract())
    missing, found = [], set()
    for name in modules:
        home = import_module(f"streamsense.features.{name}")
        for constant, value in constants(name).items():
            assert getattr(home, constant) == value
            with pytest.MonkeyPatch.context() as patch:
                for key, module in list(sys.modules.items()):
                    if key.startswith("streamsense.features.") and getattr(module, constant, None) == value:
                        patch.setattr(module, constant, other(value))
                if contract_sha256(operator.contract()) == before:
                    missing.append(constant)
            found.add(constant)
    assert expected in found
    assert set(missing) <= free, set(missing) - free
