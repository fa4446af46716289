"""`streamsense explain`: why a recording's score is what it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from streamsense.cli.recording_options import (
    EegOption,
    ElectrodesOption,
    FaceOption,
    VoiceOption,
    chosen_settings,
    named_streams,
)
from streamsense.cli.replay import tell
from streamsense.errors import ConfigError
from streamsense.score import Notice

if TYPE_CHECKING:
    from streamsense.fusion.explanation import Evidence, Explanation, Share
    from streamsense.runtime.explain import Explained, Span

_MOST_ROWS = 20


def explain(
    file: Annotated[Path, typer.Argument(help="XDF, EDF, BDF, FIF, BrainVision (.vhdr), WAV or a film.")],
    at: Annotated[float | None, typer.Option(help="The time, s since the recording's begin.")] = None,
    begin: Annotated[float | None, typer.Option("--from", help="An interval's begin, s likewise.")] = None,
    end: Annotated[float | None, typer.Option("--to", help="Its end.")] = None,
    lsl: Annotated[
        bool,
        typer.Option(
            "--lsl", help="These are times as in scores and tables: on the LSL clock, where the recording has it."
        ),
    ] = False,
    config: Annotated[
        str | None, typer.Option(help="A YAML file or the name of a shipped one; its sources are not used.")
    ] = None,
    eeg: EegOption = None,
    electrodes: ElectrodesOption = None,
    face: FaceOption = None,
    voice: VoiceOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
) -> None:
    """Say why a score is what it is: who had which share, which signs moved it how far, what contradicts what.

    Of a recording made by `live --record` the live session's own scores are explained; of any other file, and where
    settings or streams are named here, those of its complete data. What moved a score less than 0.02 is not named.

    Example: `streamsense explain session_01.xdf --at 83.4`
    """
    span = _span(at, begin, end, lsl)
    from streamsense.runtime.explain import explain_session
    from streamsense.runtime.scored_session import open_scored

    named, settings = named_streams(eeg, face, voice), chosen_settings(config, electrodes)
    console = Console(stderr=as_json)
    session = open_scored(file, named, settings)
    for warning in session.warnings:
        console.print(f"warning: {warning}", highlight=False, markup=False, soft_wrap=True)
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("scoring", total=session.ticks)
        found = explain_session(
            file, session, span, lambda notice: _tell(console, notice), lambda n: progress.update(task, completed=n)
        )
    if as_json:
        begin_s, end_s = found.seconds
        typer.echo(json.dumps({"from_s": begin_s, "to_s": end_s, **asdict(found.explanation)}, ensure_ascii=False))
    else:
        _show(console, found)


def _span(at: float | None, begin: float | None, end: float | None, lsl: bool) -> Span:
    from streamsense.runtime.explain import Span

    match at, begin, end:
        case float(), None, None:
            return Span(at, lsl=lsl)
        case None, float(), float():
            return Span(begin, end, lsl=lsl)
    raise ConfigError("Expected --at TIME for one score, or --from TIME and --to TIME for an interval, in seconds.")


def _tell(console: Console, notice: Notice) -> None:
    if notice.kind in ("warning", "ticks_skipped"):
        tell(console, notice)


def _show(console: Console, found: Explained) -> None:
    explanation = found.explanation
    console.print(_title(found), highlight=False, markup=False, style="bold")
    console.print(_modalities(explanation))
    if explanation.evidence:
        console.print(_signs(explanation))
    for part in explanation.conflict:
        cues = f": {', '.join(part.cues)}" if part.cues else ""
        console.print(f"{part.name} {part.value:.2f}{cues}", highlight=False, markup=False)
    console.print(explanation.sentence, highlight=False, markup=False)


def _title(found: Explained) -> str:
    (begin, end), one = found.seconds, found.explanation
    if one.ticks == 1:
        when = f"{begin:.1f} s after the begin (time {one.time:.1f} s)"
    else:
        times = f"times {one.time:.1f} to {one.until:.1f} s"
        when = f"{begin:.1f} to {end:.1f} s after the begin ({times}), means of {one.ticks} scores"
    values = "   ".join(f"{value.name} {value.value:+.2f} ± {value.sd:.2f}" for value in one.estimates)
    return (
        f"{when}\n{values}\n{one.emotion} {one.emotion_share:.0%}   "
        f"ambivalence {one.ambivalence:.2f} (uncalibrated)   confidence {one.confidence:.2f}"
    )


def _modalities(found: Explanation) -> Table:
    """Each modality's share, and what the score would lack without it."""
    names = ("weight", "quality", "age", "valence", "arousal", found.emotion)
    table = Table("modality", *(Column(name, justify="right") for name in names))
    for share in found.shares:
        if share.presence == 0:
            table.add_row(share.modality, "absent", *[""] * 5)
            continue
        cells = [f"{share.weight:.2f}", f"{share.quality:.2f}", f"{share.age_s:.2f} s"]
        table.add_row(
            _name(share), *cells, *(f"{moved:+.2f}" for moved in (share.valence, share.arousal, share.emotion))
        )
    return table


def _name(share: Share) -> str:
    return share.modality if share.presence == 1 else f"{share.modality} ({share.presence:.0%} of the time)"


def _signs(found: Explanation) -> Table:
    """The strongest signs, one in a row: how far each moved what."""
    from streamsense.fusion.explanation_words import size_text

    held = ("held",) if found.ticks > 1 else ()
    numbers = ("valence", "arousal", found.emotion, *held)
    table = Table("sign", "size", *(Column(name, justify="right") for name in numbers))
    signs: dict[str, list[Evidence]] = {}
    for one in found.evidence:
        signs.setdefault(one.what, []).append(one)
    for what, effects in list(signs.items())[:_MOST_ROWS]:
        where = f" ({', '.join(effects[0].electrodes)})" if effects[0].electrodes else ""
        cells = [_moved(effects, name) for name in ("valence", "arousal", found.emotion)]
        often = [f"{max(one.held for one in effects):.0%}"] if held else []
        table.add_row(f"{what}{where}", size_text(effects[0]), *cells, *often)
    return table


def _moved(effects: Sequence[Evidence], towards: str) -> str:
    return next((f"{one.contribution:+.2f}" for one in effects if one.towards == towards), "")
