"""Whether `_sd` can be believed, per modality and fused, and how the error grows when modalities are lost or drowned.

Judged on people whom no expert ever met (see `calibration_parts`): the speakers of EmoDB, the people of EEGMAT, and
acted faces on a mesh (seeds 1000 on; the face's variances were fitted on the seeds 0 to 159, and the way in which the
fusion counts the prior was chosen looking at 100 to 139 with these same voices and EEG; that only disagreement beyond
chance widens the score, after a first run of this very command). The truths are what was acted,
at the emotions' usual places, and mental work at +0.5 against rest at -0.5: none of it is felt emotion.

What must hold: the told 90 % intervals hold 85 to 95 % of the targets, and their negative log-likelihood is below that
of a constant, which is told the mean and SD of the other people's targets. The fused error is never above 1.1 × the
best single modality's under the same losses, nor above what knowing nothing gives (0, the prior), whichever is larger;
within a course it does not fall, and nothing is ever NaN; `_sd` shrinks only where the intervals still hold 85 %
(but for chance): who contradicted the others and is lost takes the contradiction along.

    python -m benchmarks.calibration DATA_FOLDER [--json] [--report FOLDER]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

import benchmarks.needs_training  # noqa: F401
from benchmarks import calibration_parts as parts
from benchmarks.calibration_parts import Said
from benchmarks.mesh_faces import darkened
from streamsense.arrays import FloatArray, IntArray
from streamsense.errors import StreamsenseError
from streamsense.evaluation.intervals import Interval, interval_over_people
from streamsense.evaluation.report import Chart, Part, Report, Series, Table, Topic
from streamsense.evaluation.report_files import write_report
from streamsense.evaluation.told_spread import constant_of_others, inside, surprise
from streamsense.fusion.combination import Fusion, Opinion
from streamsense.fusion.emotions import DIMENSIONS
from streamsense.runtime.assembly import load_fusion
from streamsense.streams import MODALITIES, Modality
from streamsense.training.voice_clips import emodb_clips

COVERS: Final = (0.85, 0.95)
WORSE_THAN_BEST: Final = 1.1
STEP_BACK: Final = 0.02
"""An error or SD that is smaller than at the level before by no more than this has not fallen: chance does as much. Nor
is so much less than 85 % too little, in the few scenes of a course."""
FACE_SEEDS: Final = tuple(range(1000, 1040))
DRAWS = 500
LOST_SHARES: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
VOICE_SNR_DB: Final = (None, 10.0, 0.0, -10.0)
EEG_SNR_DB: Final = (None, 0.0, -10.0)
FACE_LIGHT: Final = (1.0, 0.25, 0.12, 0.03)
SCENES_OF_COURSES, EEG_PEOPLE = 3, 8
"""For the courses every third scene and every other tick is enough, and the EEG of as many people."""
Scene = tuple[IntArray, IntArray, IntArray]


@dataclass(frozen=True)
class Judged:
    """One dimension of one source. `gain` is by how much the constant's negative log-likelihood is larger."""

    source: str
    dimension: str
    covered: Interval
    surprise: float
    gain: Interval
    error: float
    error_of_constant: float
    sd: float
    sd_of_constant: float
    may_know_nothing: bool = False

    @property
    def knows_nothing(self) -> bool:
        """It is no better than a constant, and says so: its SD is the constant's or more."""
        return self.may_know_nothing and self.gain.low <= 0 and self.sd >= self.sd_of_constant

    @property
    def holds(self) -> bool:
        """Both criteria, or nothing known and so said."""
        return self.knows_nothing or (COVERS[0] <= self.covered.figure <= COVERS[1] and self.gain.figure > 0)


@dataclass(frozen=True)
class Level:
    """One place on a course: the root mean squared error (3,), SD (3,) and coverage (3,) of the fused score.

    `best` is the error of the best single modality there, `nothing` that of the prior.
    """

    name: str
    error: tuple[float, ...]
    sd: tuple[float, ...]
    covered: tuple[float, ...]
    best: tuple[float, ...]
    nothing: tuple[float, ...]
    finite: bool


@dataclass(frozen=True)
class Course:
    """One way in which it gets worse, from nothing to all."""

    name: str
    levels: tuple[Level, ...]

    def failures(self) -> list[str]:
        """What does not hold, in words."""
        found = []
        for at, dimension in enumerate(DIMENSIONS):
            for number, level in enumerate(self.levels):
                limit = max(level.nothing[at], WORSE_THAN_BEST * level.best[at])
                if level.error[at] > limit:
                    found.append(f"{self.name}, {level.name}: {dimension} {level.error[at]:.3f} above {limit:.3f}")
                before = self.levels[number - 1] if number else level
                fell = f"{self.name}, {level.name}: {{}} of {dimension} fell from {{:.3f}} to {{:.3f}}"
                if level.error[at] < before.error[at] - STEP_BACK:
                    found.append(fell.format("error", before.error[at], level.error[at]))
                if level.sd[at] < before.sd[at] - STEP_BACK and level.covered[at] < COVERS[0] - STEP_BACK:
                    found.append(fell.format("SD", before.sd[at], level.sd[at]) + f", {level.covered[at]:.1%} within")
        return found + [f"{self.name}, {level.name}: not finite" for level in self.levels if not level.finite]


# --- figures -----------------------------------------------------------------------------------------------------
def judged(
    source: str, dimension: str, truth: FloatArray, mean: FloatArray, sd: FloatArray, people: Sequence[str],
    weights: FloatArray | None = None, may_know_nothing: bool = False,
) -> Judged:  # fmt: skip
    """The figures of n targets, with intervals over people; `weights` (n,) count them, all alike by default."""
    counts = np.ones(len(truth)) if weights is None else weights
    told, known = surprise(truth, mean, sd), constant_of_others(truth, people, counts)
    by_constant = surprise(truth, *known)
    held = inside(truth, mean, sd).astype(np.float64)

    def average(values: FloatArray) -> Callable[[IntArray], float]:
        return lambda rows: float(np.average(values[rows], weights=counts[rows]))

    return Judged(
        source,
        dimension,
        interval_over_people(average(held), people, times=DRAWS),
        float(np.average(told, weights=counts)),
        interval_over_people(average(by_constant - told), people, times=DRAWS),
        float(np.sqrt(np.average((truth - mean) ** 2, weights=counts))),
        float(np.sqrt(np.average((truth - known[0]) ** 2, weights=counts))),
        float(np.average(sd, weights=counts)),
        float(np.average(known[1], weights=counts)),
        may_know_nothing,
    )


def of_expert(source: str, said: Said, fusion: Fusion, may_know_nothing: bool = False) -> Iterator[Judged]:
    """The expert's own mean and variance, and the score's where this modality is the only one."""
    own = (
        np.array([one.vad_mean for one in said.opinions]),
        np.array([np.exp(one.vad_log_variance / 2) for one in said.opinions]),
    )
    alone = published(fusion, {said.modality: said.opinions})
    evidence = np.max([one.vad_evidence for one in said.opinions], axis=0)
    for at, dimension in enumerate(DIMENSIONS):
        truth = said.truth[:, at]
        if not evidence[at] or np.isnan(truth).any():
            continue
        weights = _alike(truth) if said.modality == "eeg" else None
        for name, (mean, sd) in ((source, own), (f"score of {source} alone", alone)):
            yield judged(
                name, dimension, truth, mean[:, at], sd[:, at], said.person.tolist(), weights, may_know_nothing
            )


def _alike(truth: FloatArray) -> FloatArray:
    """Weights with which every target that occurs counts alike: rest lasts three times as long as work."""
    _, place, count = np.unique(truth, return_inverse=True, return_counts=True)
    return np.asarray(len(truth) / (len(count) * count[place]))


def published(fusion: Fusion, opinions: Mapping[Modality, Sequence[Opinion]]) -> tuple[FloatArray, FloatArray]:
    """Mean and SD (n, 3) of the score, where only these modalities are there."""
    count = len(next(iter(opinions.values())))
    means, sds = np.zeros((count, 3)), np.zeros((count, 3))
    for row in range(count):
        given = {name: opinions[name][row] if name in opinions else Opinion.absent() for name in MODALITIES}
        out = fusion.combine(given)
        means[row], sds[row] = out["vad"], out["vad_sd"]
    return means, sds


@dataclass(frozen=True, eq=False)
class Together:
    """n ticks of scenes with all three modalities; `scene` (n,) numbers them, `person` (n,) is the speaker."""

    opinions: Mapping[Modality, tuple[Opinion, ...]]
    truth: FloatArray
    person: tuple[str, ...]
    scene: IntArray

    @staticmethod
    def of(voice: Said, face: Said, eeg: Said, drawn: Sequence[Scene]) -> Together:
        """The scenes' windows, joined."""
        rows = [np.concatenate([scene[at] for scene in drawn]) for at in range(3)]
        heard, shown, felt = (said.take(row) for said, row in zip((voice, face, eeg), rows, strict=True))
        numbers = np.repeat(np.arange(len(drawn)), [len(scene[0]) for scene in drawn])
        opinions: dict[Modality, tuple[Opinion, ...]] = {
            "eeg": felt.opinions, "face": shown.opinions, "voice": heard.opinions,
        }  # fmt: skip
        return Together(opinions, heard.truth, tuple(heard.person.tolist()), numbers)

    def without(self, lost: Sequence[Modality], share: float, seed: int = 0) -> Together:
        """In a share of the scenes each of these modalities is not there, each by itself."""
        found = dict(self.opinions)
        for name in lost:
            draw = np.random.default_rng([seed, MODALITIES.index(name)]).random(int(self.scene.max()) + 1)
            gone = draw[self.scene] < share
            found[name] = tuple(
                Opinion.absent() if away else one for one, away in zip(self.opinions[name], gone.tolist(), strict=True)
            )
        return replace(self, opinions=found)


def level(name: str, ticks: Together, fusion: Fusion) -> Level:
    """The figures of the fused score, and the best single modality's error."""
    mean, sd = published(fusion, ticks.opinions)
    alone = [_rms(ticks.truth - _alone(fusion, name, ticks.opinions[name])) for name in MODALITIES]
    return Level(
        name,
        tuple(_rms(ticks.truth - mean)),
        tuple(sd.mean(axis=0).tolist()),
        tuple(inside(ticks.truth, mean, sd).mean(axis=0).tolist()),
        tuple(np.min(alone, axis=0).tolist()),
        tuple(_rms(ticks.truth)),
        bool(np.isfinite(mean).all() and np.isfinite(sd).all()),
    )


@lru_cache(maxsize=64)
def _alone(fusion: Fusion, modality: Modality, opinions: tuple[Opinion, ...]) -> FloatArray:
    """The score's means where this modality is the only one; most courses leave two of the three as they are."""
    return published(fusion, {modality: opinions})[0]


def _rms(errors: FloatArray) -> list[float]:
    return [float(value) for value in np.sqrt((errors**2).mean(axis=0))]


def fused_rows(ticks: Together, fusion: Fusion) -> Iterator[Judged]:
    """Every choice of two or three modalities."""
    for used in (MODALITIES, ("face", "voice"), ("eeg", "voice"), ("eeg", "face")):
        mean, sd = published(fusion, {name: ticks.opinions[name] for name in used})
        for at, dimension in enumerate(DIMENSIONS):
            if dimension == "arousal" or "eeg" not in used or used == MODALITIES:
                name = f"score of {' + '.join(used)}"
                yield judged(name, dimension, ticks.truth[:, at], mean[:, at], sd[:, at], ticks.person)


def dropouts(ticks: Together, fusion: Fusion) -> Iterator[Course]:
    """Each modality lost in a larger and larger share of the scenes, and all of them."""
    for lost in (*((name,) for name in MODALITIES), MODALITIES):
        name = "all lost" if len(lost) > 1 else f"{lost[0]} lost"
        levels = [level(f"{share:.0%}", ticks.without(lost, share), fusion) for share in LOST_SHARES]
        yield Course(name, tuple(levels))


# --- the whole ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Found:
    """All that was measured."""

    judged: tuple[Judged, ...]
    courses: tuple[Course, ...]

    def failures(self) -> list[str]:
        """Every criterion that does not hold, in words."""
        rows = [
            f"{one.source}, {one.dimension}: {one.covered.figure:.1%} within the 90 % interval, negative "
            f"log-likelihood {one.gain.figure:+.3f} below the constant's"
            for one in self.judged
            if not one.holds
        ]
        return rows + [text for course in self.courses for text in course.failures()]


def measure(data: Path, told: Callable[[str], None]) -> Found:
    """Everything, on the recordings in `data`: half an hour where no held-out expert is in the cache yet."""
    fusion, bundle = Fusion(load_fusion()), data / "face_models" / "face_landmarker.task"
    clips = emodb_clips(data / "emodb")
    of_eeg, of_face = parts.eeg_experts(data / "eegmat", told), parts.face_expert()
    of_voice = parts.voice_experts(clips, told)
    people = sorted(of_eeg)
    told("voices, EEG and faces as they are")
    table, windows = parts.voices(clips), parts.brains(data / "eegmat", people)
    voice, eeg = parts.voice_said(table, of_voice), parts.eeg_said(windows, of_eeg)
    face = parts.face_said(bundle, FACE_SEEDS, of_face)
    rows = [row for name, said in (("voice_emotion", voice), ("eeg_workload", eeg), ("face_knowledge", face))
            for row in of_expert(name, said, fusion)]  # fmt: skip
    speakers = sorted(of_voice)[parts.FITTED_SPEAKERS :]
    for name, said in (
        ("voice_knowledge", parts.voice_said(table, parts.untrained("voice", speakers))),
        ("eeg_knowledge", parts.eeg_said(windows, parts.untrained("eeg", people))),
    ):
        rows += of_expert(name, said, fusion, may_know_nothing=True)
    drawn = list(parts.scenes(voice, face, eeg))
    told(f"fused: {len(drawn)} scenes")
    rows += fused_rows(Together.of(voice, face, eeg, drawn), fusion)
    few = people[:: len(people) // EEG_PEOPLE]
    eeg = eeg.take(np.flatnonzero(np.isin(eeg.person, few)))
    whole = list(parts.scenes(voice, face, eeg))[::SCENES_OF_COURSES]
    drawn = [(heard[::2], shown[::2], felt[::2]) for heard, shown, felt in whole]
    courses = list(dropouts(Together.of(voice, face, eeg, drawn), fusion))
    pictures = darkened(FACE_LIGHT)

    def spoilt(title: str, names: Sequence[float | None], parts_at: Callable[[float | None], Together]) -> Course:
        levels = []
        for name in names:
            told(f"{title}: {name}")
            levels.append(level("none" if name is None else f"{name:g}", parts_at(name), fusion))
        return Course(title, tuple(levels))

    def with_voice(snr_db: float | None) -> Together:
        return Together.of(parts.voice_said(parts.voices(clips, snr_db), of_voice), face, eeg, drawn)

    def with_eeg(snr_db: float | None) -> Together:
        noisy = parts.eeg_said(parts.brains(data / "eegmat", few, snr_db), of_eeg)
        return Together.of(voice, face, noisy, drawn)

    def with_face(light: float | None) -> Together:
        dark = parts.face_said(bundle, FACE_SEEDS, of_face, pictures[light or 0.0])
        return Together.of(voice, dark, eeg, drawn)

    courses.append(spoilt("noise in the voice (SNR, dB)", VOICE_SNR_DB, with_voice))
    courses.append(spoilt("noise in the EEG (SNR, dB)", EEG_SNR_DB, with_eeg))
    courses.append(spoilt("light on the face (share)", FACE_LIGHT, with_face))
    return Found(tuple(rows), tuple(courses))


# --- told --------------------------------------------------------------------------------------------------------
HEAD: Final = ("source", "dimension", "within 90 %", "NLL", "below the constant's by", "RMSE (constant)",
               "SD (constant)", "")  # fmt: skip


def cells(one: Judged) -> tuple[str, ...]:
    """A row of the table."""
    verdict = "knows nothing, and says so" if one.knows_nothing else "holds" if one.holds else "FAILS"
    return (
        one.source, one.dimension, str(one.covered), f"{one.surprise:.3f}", str(one.gain),
        f"{one.error:.3f} ({one.error_of_constant:.3f})", f"{one.sd:.3f} ({one.sd_of_constant:.3f})", verdict,
    )  # fmt: skip


COURSE_HEAD: Final = ("level", *(f"{what} of {name}" for name in DIMENSIONS[:2]
                                 for what in ("error", "SD", "within", "best single")), "nothing known")  # fmt: skip


def level_cells(one: Level) -> tuple[str, ...]:
    """A row of a course's table."""
    numbers = [value for at in range(2) for value in (one.error[at], one.sd[at], one.covered[at], one.best[at])]
    return (one.name, *(f"{value:.3f}" for value in numbers), f"{one.nothing[0]:.3f}, {one.nothing[1]:.3f}")


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def report(found: Found) -> Report:
    """The tables, with the courses as charts."""
    table = Table("Can `_sd` be believed?", "Held-out people.", HEAD, tuple(map(cells, found.judged)))
    topics = [Topic("Calibration", (__doc__ or "").split("\n\n")[1], tables=(table,))]
    for course in found.courses:
        places = tuple(float(at) for at in range(len(course.levels)))
        series = [
            Series(f"{what} of {name}", places, tuple(values(one)[at] for one in course.levels))
            for at, name in enumerate(DIMENSIONS[:2])
            for what, values in (("error", lambda one: one.error), ("SD", lambda one: one.sd))
        ]
        chart = Chart(
            course.name.capitalize(), "Root mean squared error of the fused score, and the SD that it tells.",
            course.name, "of [−1, 1]", tuple(series), ticks=tuple(one.name for one in course.levels),
        )  # fmt: skip
        levels = Table(course.name, "", COURSE_HEAD, tuple(map(level_cells, course.levels)))
        topics.append(Topic(course.name.capitalize(), "", tables=(levels,), charts=(chart,)))
    part = Part("The fused score", "fusion_precision", "EmoDB, EEGMAT, acted faces", (), (), tuple(topics))
    return Report("Calibration of the score's SD", "held-out people", tuple(found.failures()), (), (part,))


def as_text(found: Found) -> str:
    """The tables and what fails."""
    text = [markdown(HEAD, [cells(one) for one in found.judged])]
    text += [
        f"\n{course.name}\n\n{markdown(COURSE_HEAD, [*map(level_cells, course.levels)])}" for course in found.courses
    ]
    failures = found.failures()
    count = len(found.judged) + len(found.courses)
    text.append(f"\n{count} rows and courses; {len(failures)} criteria fail{':' if failures else '.'}")
    return "\n".join([*text, *(f"- {failure}" for failure in failures)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; 0 where every criterion holds, 1 where one fails, 2 where it cannot be measured."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("data", type=Path, help="folder with emodb, eegmat and face_models")
    parser.add_argument("--json", action="store_true", help="figures for programs")
    parser.add_argument("--report", type=Path, help="write a report with charts into this folder")
    options = parser.parse_args(arguments)
    try:
        found = measure(options.data, lambda text: print(text, file=sys.stderr, flush=True))
        if options.report:
            write_report(report(found), options.report)
    except StreamsenseError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    print(json.dumps({**asdict(found), "failures": found.failures()}) if options.json else as_text(found))
    return 1 if found.failures() else 0


if __name__ == "__main__":
    sys.exit(main())
