"""Physical units, as amplifiers spell them."""

from __future__ import annotations

_MICROVOLTS = {
    "uv": 1.0, "µv": 1.0, "μv": 1.0, "microvolt": 1.0, "microvolts": 1.0,
    "mv": 1e3, "millivolt": 1e3, "millivolts": 1e3,
    "v": 1e6, "volt": 1e6, "volts": 1e6,
    "nv": 1e-3, "nanovolt": 1e-3, "nanovolts": 1e-3,
}  # fmt: skip


def microvolts_per_unit(unit: str) -> float | None:
    """How many microvolts one `unit` is, or None for a unit that is not known."""
    return _MICROVOLTS.get(unit.strip().lower())
