"""What the bits of a score depend on beside its inputs: package versions, processor, provider, models, settings."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import llvmlite.binding

from streamsense import __version__
from streamsense.config import Config

_PACKAGES = ("numpy", "scipy", "numba", "llvmlite", "onnxruntime-gpu", "onnxruntime", "mne")
_BATCH_SIZE = 1
_NOT_OF_THE_CORE = ("lsl", "output", "recording", "markers", "profile")


def fingerprint(config: Config, description: Mapping[str, str]) -> dict[str, str]:
    """Name and value of everything that two runs must share to give the same bytes.

    `description` is what `build_pipeline` says of its models and their provider.
    """
    features = llvmlite.binding.get_host_cpu_features()
    return {
        "streamsense": __version__,
        "python": platform.python_version(),
        **{name: found for name in _PACKAGES if (found := _version(name))},
        "system": f"{platform.system()} {platform.machine()} {' '.join(platform.libc_ver())}".strip(),
        "processor": llvmlite.binding.get_host_cpu_name(),
        "instruction_sets": ",".join(sorted(name for name, there in features.items() if there)),
        "batch_size": str(_BATCH_SIZE),
        "settings": settings_hash(config),
        **{key: value for key, value in description.items() if key.endswith("_model") or key == "provider"},
    }


def settings_hash(config: Config) -> str:
    """SHA-256 of the settings that the core works by; where streams come from and scores go is not among them."""
    content = config.model_dump(mode="json", exclude=set(_NOT_OF_THE_CORE))
    if content["text"] is None:
        del content["text"]  # so that the hash is what it was before there were words
    for section in ("eeg", "face", "voice", "text"):
        if content.get(section) is not None:
            content[section].pop("source")
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def differing_parts(recorded: Mapping[str, str], present: Mapping[str, str]) -> list[str]:
    """What differs between two fingerprints, as text for a user."""
    names = [name for name in {**recorded, **present} if recorded.get(name) != present.get(name)]
    return [f"{name}: recorded {recorded.get(name, 'none')}, here {present.get(name, 'none')}" for name in names]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
