"""`streamsense calibrate`: make a person's profile from a minute of rest and reading."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from streamsense.cli.calibration_display import Prompts
from streamsense.cli.calibration_guide import Guide
from streamsense.cli.live import NoticePrinter, Recorder, find_config
from streamsense.cli.sentences import sentence_in
from streamsense.config import load_config
from streamsense.profile import LEARN, Profile, check_place
from streamsense.quality_notices import QUALITY
from streamsense.runtime.calibration_phases import (
    LEAST_CLOSED_S,
    LEAST_READING_S,
    LEAST_REST_S,
    Lengths,
    phases_for,
)
from streamsense.score import Notice

# What is wrong with a signal is on the display and in the findings; silence at rest is as it should be.
_QUIET = frozenset({"session_started", "marker", LEARN, QUALITY, "modality_present", "stream_opened"})


def calibrate(
    config: Annotated[str, typer.Argument(help="A YAML file, or the name of a shipped one such as tri_modal_lab.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The profile to be written; never overwritten.")],
    rest: Annotated[float, typer.Option(min=LEAST_REST_S, help="Rest with open eyes and a neutral face (s).")] = 20.0,
    eyes_closed: Annotated[
        float, typer.Option(min=LEAST_CLOSED_S, help="Rest with closed eyes (s); only with EEG.")
    ] = 15.0,
    reading: Annotated[float, typer.Option(min=LEAST_READING_S, help="Reading aloud (s); only with a voice.")] = 15.0,
    language: Annotated[str, typer.Option(help="Of the sentence that is read: en, de, fr or es.")] = "en",
    sentence: Annotated[str | None, typer.Option(help="Another text to be read.")] = None,
    prompt: Annotated[bool, typer.Option(help="Wait for Enter before each phase.")] = True,
    pause: Annotated[float, typer.Option(min=0.0, max=60.0, help="With --no-prompt: before each phase (s).")] = 3.0,
    allow_missing: Annotated[bool, typer.Option(help="Save what worked, should a modality have failed.")] = False,
    record: Annotated[
        Path | None,
        typer.Option(help="Folder for a recording, to make the profile again from (default: the configuration's)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a person's profile: neutral face and EEG at rest, then a voice that reads, 50 s together.

    Each phase is explained, and begins with Enter. Until then and while it runs each modality's quality is shown, so
    that a bad electrode or a dark face is seen before it is learned. Phases that the configuration's modalities do
    not need are left out. A phase that gave too little can be repeated; without prompts the command then ends with
    exit code 2. The profile holds numbers about a body and a voice: personal data.

    Example: `streamsense calibrate my_lab.yaml -o P07.json`, then `profile: P07.json` in the configuration
    """
    from streamsense.runtime.calibration import Calibration

    settings = load_config(find_config(config))
    phases = phases_for(settings, Lengths(rest, eyes_closed, reading), sentence or sentence_in(language))
    check_place(output)
    console = Console(stderr=as_json)
    calibration = Calibration(settings, record, [_Warnings(console)])
    recorder = Recorder(calibration.session, calibration.folder, 0.0, console)
    guide = Guide(calibration, console, Prompts() if prompt else None, pause, allow_missing)
    try:
        recorder.check()
        calibration.session.start()
        if calibration.folder is not None:
            console.print(f"It is recorded into {calibration.folder}.", highlight=False, markup=False, soft_wrap=True)
        guide.run(phases)
        profile = Profile(calibration.profile().parts, guide.about())
        profile.save(output)  # before the recording ends: it may fail
        console.print(
            f"The profile of {', '.join(profile.parts)} is in {output}. Use it as `profile:` in a configuration.",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
    except KeyboardInterrupt:
        console.print("Interrupted: no profile was written.")
        raise
    finally:
        try:
            calibration.session.stop()
        finally:
            recorder.tell()
    if as_json:
        result = {"profile": str(output), "sha256": profile.sha256, "parts": list(profile.parts), **profile.about}
        typer.echo(json.dumps(result))


class _Warnings(NoticePrinter):
    """Prints what goes wrong, and not what a calibration does by itself."""

    def __init__(self, console: Console) -> None:
        super().__init__(console, as_json=False)

    def write_notice(self, notice: Notice) -> None:
        """Print what a user should know."""
        if notice.kind not in _QUIET:
            super().write_notice(notice)
