"""Start-up check: exactly one ONNX Runtime is installed (two overwrite each other's files)."""

from __future__ import annotations

from importlib import metadata

from streamsense.errors import DependencyError

_DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino")


def installed_runtimes() -> dict[str, str]:
    """The installed distributions that provide the module `onnxruntime`, with their versions."""
    found = {}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def check_onnxruntime(found: dict[str, str] | None = None) -> str:
    """Name of the one ONNX Runtime distribution; raises DependencyError when there is none or more than one."""
    runtimes = installed_runtimes() if found is None else found
    if len(runtimes) == 1:
        return next(iter(runtimes))
    wanted = "onnxruntime-gpu (Linux or Windows on x86-64) or onnxruntime (elsewhere)"
    if not runtimes:
        raise DependencyError(f"ONNX Runtime is not installed. Install {wanted}: pip install onnxruntime-gpu.")
    names = " ".join(runtimes)
    versions = " and ".join(f"{name} {version}" for name, version in runtimes.items())
    raise DependencyError(
        f"{versions} are both installed. They write the same files, so that which one runs is chance, and the GPU is "
        f"often lost. Expected one of them. Uninstall all and install one: pip uninstall -y {names}; then pip install "
        f"{wanted}."
    )
