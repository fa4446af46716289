"""`streamsense profile`: what a profile holds and how good it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from streamsense import __version__
from streamsense.profile import Part, Profile, load_profile

_LONGEST = 60
_SEMITONE_ZERO_HZ, _HIGHEST_ST = 27.5, 100.0  # as `features.contours` counts them, which takes long to import


def profile(
    file: Annotated[Path, typer.Argument(help="A profile that `calibrate` or `replay --save-profile` wrote.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what a profile holds: of which modalities, learned from how many seconds, of which quality.

    A part fits only the features that it was learned with, which its contract names.

    Example: `streamsense profile P07.json`
    """
    found = load_profile(file)
    if as_json:
        parts = {name: {"contract": part.get("contract"), **_summary(part)} for name, part in found.parts.items()}
        typer.echo(json.dumps({"sha256": found.sha256, "parts": parts, "about": dict(found.about)}))
        return
    _show(file, found)


def made_now() -> dict[str, Any]:
    """When and by what a profile is made, for its `about`."""
    return {"made": datetime.now(UTC).isoformat(timespec="seconds"), "streamsense": __version__}


def _show(file: Path, found: Profile) -> None:
    console = Console()
    made = _entry(found.about, "made") or "at an unknown time"
    version = _entry(found.about, "streamsense") or "unknown"
    console.print(
        f"{file}: made {_cut(made)} by streamsense {_cut(version)}", highlight=False, markup=False, soft_wrap=True
    )
    table = Table(
        "part", Column("learned from", justify="right"), Column("quality", justify="right"), "holds", "contract"
    )
    for name, part in found.parts.items():
        summary = _summary(part)
        seconds, quality = summary["seconds"], _quality(found.about, name)
        table.add_row(
            name,
            "–" if seconds is None else f"{seconds:.1f} s",
            "–" if quality is None else f"{quality:.2f}",
            str(summary["holds"]),
            Text(_cut(part.get("contract", "–"), 12)),
        )
    console.print(table)
    rise = _number(_entry(found.about, "alpha_rise_nat"))
    if rise is not None:
        console.print(f"Alpha behind, eyes closed against open: {rise:+.2f} nat", highlight=False)


def _summary(part: Part) -> dict[str, object]:
    """What is in a part, in words, and how many seconds it was learned from; None where it does not say."""
    counted = {
        "baseline": "EEG at rest: {} electrodes",
        "neutral": "neutral face: {} measures",
        "mean": "a speaker's mean and spread: {} bands and levels",
    }
    holds = [text.format(len(part[name])) for name, text in counted.items() if isinstance(part.get(name), dict | list)]
    usual = part.get("usual_pitch_and_loudness")
    semitones = _number(usual[0]) if isinstance(usual, list) and usual else None
    if semitones is not None and 0 < semitones < _HIGHEST_ST:
        holds.append(f"usual pitch: {_SEMITONE_ZERO_HZ * 2 ** (semitones / 12):.0f} Hz")
    discords = part.get("habitual_discord")
    for pair, value in discords.items() if isinstance(discords, dict) else ():
        if (discord := _number(value)) is not None:
            holds.append(f"habitual discord of {str(pair)[:20].replace('_', ' and ')}: {discord:+.2f}")
    return {"seconds": _number(part.get("seconds")), "holds": ", ".join(holds)}


def _quality(about: Mapping[str, Any], name: str) -> float | None:
    """The quality in the phase in which a part was learned."""
    phases = _entry(about, "phases")
    for phase in phases.values() if isinstance(phases, dict) else ():
        found = _entry(phase, name)
        if _number(_entry(found, "seconds")) is not None:
            return _number(_entry(found, "quality"))
    return None


def _entry(where: object, name: str) -> Any:
    """An entry of what may be anything: whoever made the file wrote it."""
    return where.get(name) if isinstance(where, Mapping) else None


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6
    return float(value) if is_number else None  # type: ignore[arg-type]


def _cut(value: object, length: int = _LONGEST) -> str:
    """The beginning of what someone wrote, without what a terminal would obey or could not show."""
    return "".join(letter if letter.isprintable() else "�" for letter in str(value)[:length])
