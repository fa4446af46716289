"""`streamsense calibrate`: make a person's profile from a minute of rest and reading."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from streamsense import __version__
from streamsense.cli.calibration_display import Prompts, calibration_table
from streamsense.cli.live import NoticePrinter, Recorder, find_config
from streamsense.cli.sentences import sentence_in
from streamsense.config import load_config
from streamsense.errors import ConfigError, SourceError
from streamsense.profile import LEARN, Profile, already_there
from streamsense.score import Notice
from streamsense.streams import Modality

if TYPE_CHECKING:
    from streamsense.runtime.calibration import Calibration, Finding, Phase

_QUIET = frozenset({"session_started", "marker", LEARN, "modality_present", "stream_opened"})
_LONGEST_WAIT_S = 10.0
_SKIP = "s"


def calibrate(
    config: Annotated[str, typer.Argument(help="A YAML file, or the name of a shipped one such as tri_modal_lab.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The profile to be written; never overwritten.")],
    rest: Annotated[float, typer.Option(min=11.0, help="Rest with open eyes and a neutral face (s).")] = 20.0,
    eyes_closed: Annotated[float, typer.Option(min=5.0, help="Rest with closed eyes (s); only with EEG.")] = 15.0,
    reading: Annotated[float, typer.Option(min=5.0, help="Reading aloud (s); only with a voice.")] = 15.0,
    language: Annotated[str, typer.Option(help="Of the sentence that is read: en, de, fr or es.")] = "en",
    sentence: Annotated[str | None, typer.Option(help="Another text to be read.")] = None,
    prompt: Annotated[bool, typer.Option(help="Wait for Enter before each phase.")] = True,
    pause: Annotated[float, typer.Option(min=0.0, max=60.0, help="With --no-prompt: before each phase (s).")] = 3.0,
    allow_missing: Annotated[bool, typer.Option(help="Save what worked, should a modality have failed.")] = False,
    record: Annotated[Path | None, typer.Option(help="Folder for a recording, to make the profile again from.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a person's profile: neutral face and EEG at rest, then a voice that reads, 50 s together.

    Each phase is explained, and begins with Enter. Until then and while it runs each modality's quality is shown, so
    that a bad electrode or a dark face is seen before it is learned. Phases that the configuration's modalities do
    not need are left out. A phase that gave too little can be repeated; without prompts the command then ends with
    exit code 2. The profile holds numbers about a body and a voice: personal data.

    Example: `streamsense calibrate my_lab.yaml -o P07.json`, then `profile: P07.json` in the configuration
    """
    from streamsense.runtime.calibration import Calibration, Lengths, phases_for

    settings = load_config(find_config(config))
    phases = phases_for(settings, Lengths(rest, eyes_closed, reading), sentence or sentence_in(language))
    if output.exists():
        raise already_there(output)
    if not os.access(output.parent, os.W_OK):
        raise ConfigError(f"Nothing can be written into the folder {output.parent}. Make it, or name another one.")
    console = Console(stderr=as_json)
    calibration = Calibration(settings, record, [_Warnings(console)])
    recorder = Recorder(calibration.session, calibration.folder, 0.0, console)
    guide = _Guide(calibration, console, Prompts() if prompt else None, pause, allow_missing)
    try:
        recorder.check()
        calibration.session.start()
        guide.run(phases)
        profile = Profile(calibration.profile().parts, guide.about())
    except KeyboardInterrupt:
        console.print("Interrupted: no profile was written.")
        raise
    finally:
        try:
            calibration.session.stop()
        finally:
            recorder.tell()
    profile.save(output)
    parts = ", ".join(profile.parts)
    console.print(
        f"The profile of {parts} is in {output}. Use it as `profile:` in a configuration.",
        highlight=False, markup=False, soft_wrap=True,
    )  # fmt: skip
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


@dataclass
class _Guide:
    """Leads through the phases, and keeps what was found in them."""

    calibration: Calibration
    console: Console
    prompts: Prompts | None
    pause_s: float
    allow_missing: bool
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[Modality, Finding] = field(default_factory=dict)
    alpha_rise: float | None = None

    def run(self, phases: Sequence[Phase]) -> None:
        """All phases. Raises SourceError where one gave too little and that is not allowed."""
        watched = {modality for phase in phases for modality in phase.watches}
        self._follow("Waiting for the streams", watched, _LONGEST_WAIT_S, lambda: self._all_there(watched))
        for number, phase in enumerate(phases, start=1):
            self._say(f"\n{number} of {len(phases)}: {phase.title}, {phase.seconds:g} s", "bold")
            self._say(phase.instruction)
            learners = phase.learns
            while learners := self._one_phase(phase, learners):
                pass
        if self.failed:
            self._give_up_or_forget()

    def about(self) -> dict[str, Any]:
        """What the profile says of itself."""
        made = datetime.now(UTC).isoformat(timespec="seconds")
        alpha = None if self.alpha_rise is None else round(self.alpha_rise, 3)
        return {
            "made": made,
            "streamsense": __version__,
            "phases": self.found,
            "alpha_rise_nat": alpha,
            "missing": list(self.failed),
        }

    def _one_phase(self, phase: Phase, learners: Sequence[Modality]) -> tuple[Modality, ...]:
        """Run a phase once; returns who is to repeat it."""
        self._await_start(phase)
        self.calibration.begin(phase, learners)
        self._follow(phase.title, phase.watches, phase.seconds)
        findings = self.calibration.end(phase)
        self.console.bell()  # closed eyes see no bar
        self.found.setdefault(phase.name, {"seconds": phase.seconds})
        bad = []
        for finding in findings:
            if finding.modality not in phase.learns:
                self.found[phase.name][finding.modality] = finding.quality_json()
                self._tell_alpha()
                continue
            self.found[phase.name][finding.modality] = finding.as_json()
            is_good = finding.is_good
            self._say(f"{'✓' if is_good else '✗'} {finding}", "green" if is_good else "red")
            if is_good:
                self.failed.pop(finding.modality, None)
            else:
                bad.append(finding)
                self.failed[finding.modality] = finding
        return self._who_repeats(bad)

    def _who_repeats(self, bad: Sequence[Finding]) -> tuple[Modality, ...]:
        if not bad or self.prompts is None:
            return ()
        for finding in bad:
            self._say(f"  Expected {_expected(finding.modality)}. {finding.remedy}")
        self._say(f"Enter repeats this phase; {_SKIP} and Enter goes on without {_names(bad)}.")
        answer = self._typed("To be repeated", [finding.modality for finding in bad])
        if answer == _SKIP:
            self.allow_missing = True
            return ()
        return tuple(finding.modality for finding in bad)

    def _await_start(self, phase: Phase) -> None:
        if self.prompts is None:
            self._follow("Begins soon", phase.watches, self.pause_s)
            return
        self._say("Press Enter to begin.", "bold")
        self._typed("Not begun", phase.watches)

    def _typed(self, title: str, watched: Sequence[Modality]) -> str:
        lines: list[str] = []

        def is_there() -> bool:
            line = self.prompts.line() if self.prompts is not None else ""
            if line is not None:
                lines.append(line)
            return bool(lines)

        self._follow(title, watched, None, is_there)
        return lines[0]

    def _tell_alpha(self) -> None:
        if "eeg" in self.failed:
            return
        self.alpha_rise = self.calibration.alpha_rise()
        if self.alpha_rise is not None:
            usual = "as in most people" if self.alpha_rise > 0 else "in most people it rises: were the eyes closed?"
            self._say(f"Alpha behind, eyes closed against open: {self.alpha_rise:+.2f} nat ({usual})")

    def _give_up_or_forget(self) -> None:
        """Raise, or leave the modalities that failed out of the profile."""
        if not self.allow_missing:
            told = "; ".join(f"{finding}, expected {_expected(name)}" for name, finding in self.failed.items())
            remedies = " ".join(finding.remedy for finding in self.failed.values())
            raise SourceError(
                f"Too little to learn from: {told}. {remedies} Then run it again, or save what worked with "
                "--allow-missing."
            )
        self.calibration.forget(list(self.failed))

    # -- the display -----------------------------------------------------------------------------------------

    def _all_there(self, watched: set[Modality]) -> bool:
        newest = self.calibration.newest
        return all(name in newest and not math.isnan(newest[name].last_time) for name in watched)

    def _follow(
        self,
        title: str,
        watched: Sequence[Modality] | set[Modality],
        seconds: float | None,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        """Show how the modalities stand, for so many seconds or until it is over."""
        started = time.monotonic()
        names = sorted(watched)

        def elapsed() -> float:
            return time.monotonic() - started

        def goes_on() -> bool:
            self.calibration.session.check()
            return (seconds is None or elapsed() < seconds) and not is_over()

        if not self.console.is_terminal:
            while goes_on():
                time.sleep(0.02)
            return
        with Live(console=self.console, refresh_per_second=8, transient=True) as display:
            while goes_on():
                learned_s = self.calibration.learned_s()
                display.update(calibration_table(title, elapsed(), seconds, self.calibration.newest, learned_s, names))
                time.sleep(0.1)

    def _say(self, text: str, style: str = "") -> None:
        self.console.print(text, style=style, highlight=False, markup=False, soft_wrap=not self.console.is_terminal)


def _expected(modality: Modality) -> str:
    from streamsense.runtime.calibration import LEAST_QUALITY

    least = {"eeg": "10 s", "face": "10 s of a face", "voice": "3 s of speech"}[modality]
    return f"{least} and quality {LEAST_QUALITY:g}"


def _names(findings: Sequence[Finding]) -> str:
    return ", ".join(finding.modality for finding in findings)
