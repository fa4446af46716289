"""Leads an experimenter and a person through the phases of a calibration."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live

from streamsense.cli.calibration_display import Prompts, calibration_table
from streamsense.cli.profile import made_now
from streamsense.errors import SourceError
from streamsense.streams import Modality

if TYPE_CHECKING:
    from streamsense.runtime.calibration import Calibration, Finding
    from streamsense.runtime.calibration_phases import Phase

_LONGEST_WAIT_S = 10.0
_SKIP = "s"


@dataclass
class Guide:
    """Leads through the phases, and keeps what was found in them."""

    calibration: Calibration
    console: Console
    prompts: Prompts | None
    pause_s: float
    allow_missing: bool
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    good: dict[Modality, Finding] = field(default_factory=dict)
    failed: dict[Modality, Finding] = field(default_factory=dict)
    alpha_rise: float | None = None

    def run(self, phases: Sequence[Phase]) -> None:
        """All phases. Raises SourceError where one gave too little and that is not allowed."""
        watched = {modality for phase in phases for modality in phase.watches}
        self._follow("Waiting for the streams", watched, _LONGEST_WAIT_S, lambda: self._all_there(watched))
        for number, phase in enumerate(phases, start=1):
            if not phase.learns and self.failed.keys() >= set(phase.watches):
                continue  # nothing to compare with
            self._say(f"\n{number} of {len(phases)}: {phase.title}, {phase.seconds:g} s", "bold")
            self._say(phase.instruction)
            learners = phase.learns
            while learners := self._one_phase(phase, learners):
                pass
        self._find_lost()
        if self.failed:
            self._give_up_or_forget()

    def about(self) -> dict[str, Any]:
        """What the profile says of itself."""
        alpha = None if self.alpha_rise is None else round(self.alpha_rise, 3)
        return {**made_now(), "phases": self.found, "alpha_rise_nat": alpha, "missing": list(self.failed)}

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
            if finding.modality not in learners:
                continue  # of a phase that is repeated for the others
            self.found[phase.name][finding.modality] = finding.as_json()
            is_good = finding.is_good
            self._say(f"{'✓' if is_good else '✗'} {finding}", "green" if is_good else "red")
            if is_good:
                self.good[finding.modality] = finding
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
        if self.prompts is not None:
            self.prompts.discard()  # an Enter too many must not begin what nobody is ready for

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

    def _find_lost(self) -> None:
        """A stream that came back with another layout since its phase has taken what was learned with it."""
        known = self.calibration.learned()
        for modality, finding in self.good.items():
            if modality not in known and modality not in self.failed:
                self.failed[modality] = finding.as_lost()
                self._say(f"✗ {self.failed[modality]}", "red")

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
                windows, bad = self.calibration.newest, self.calibration.bad_electrodes
                display.update(calibration_table(title, elapsed(), seconds, windows, learned_s, bad, names))
                time.sleep(0.1)

    def _say(self, text: str, style: str = "") -> None:
        self.console.print(text, style=style, highlight=False, markup=False, soft_wrap=not self.console.is_terminal)


def _expected(modality: Modality) -> str:
    from streamsense.runtime.calibration import LEAST_QUALITY

    least = {"eeg": "10 s", "face": "10 s of a face", "voice": "3 s of speech"}[modality]
    return f"{least} and quality {LEAST_QUALITY:g}"


def _names(findings: Sequence[Finding]) -> str:
    return ", ".join(finding.modality for finding in findings)
