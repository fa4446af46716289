"""Does the fusion get better by several modalities, is it spared a bad one, and does it own up to a conflict?

People are put together from real parts (EmoDB's voices, EEGMAT's EEG, action units on a mesh that was found in real
pixels) and played through the real front ends, quality estimates, experts and fusion; see `benchmarks.real_parts` and
`benchmarks.conflict_scenes`. Truth is where the shown emotion lies in valence and arousal (Russell & Mehrabian's
means): acted categories, not ratings. The EEG's own truth is work or rest, ±0.5 in arousal by its card.

Errors are root mean squares over the settled ticks of all scenes. The experts never met the people they are judged on.
What was chosen in the fusion was chosen on the people of `--people choosing`; those of the default were then judged.

    python -m benchmarks.conflict DATA_FOLDER [--people judged|choosing] [--json]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.conflict_scenes import CONFLICT, CONSISTENT, Told, play_scenes, scenes_of, together
from benchmarks.real_parts import Parts, Person, eeg_parts, face_parts, muscle_moves, voice_parts
from benchmarks.spoiling import SPOILED, Spoiled
from streamsense.arrays import FloatArray
from streamsense.errors import StreamsenseError
from streamsense.evaluation.intervals import Interval, interval_over_people
from streamsense.evaluation.metrics import roc_auc
from streamsense.fusion.weighting import CONFLICT_FULLY
from streamsense.models.catalogue import model_files
from streamsense.runtime.assembly import load_fusion
from streamsense.streams import MODALITIES

JUDGED, CHOOSING = "judged", "choosing"
_FOLD = {JUDGED: 0, CHOOSING: 1}
"""Whose EEG: that of people whom the networks of this fold never met."""
_VALENCE, _AROUSAL = 0, 1
_WITHIN: Final = 1.6449
"""Standard deviations on either side that hold 90 %."""
WORST_RATIO, LEAST_AUC, LEAST_COVERAGE, MOST_WEIGHT = 1.1, 0.9, 0.85, 0.6


# --- people ------------------------------------------------------------------------------------------------------
def people_of(data: Path, group: str, say: Callable[[str], None]) -> list[Person]:
    """The speakers of a group, each with somebody's EEG; trains their experts where they are not in the cache."""
    import benchmarks.needs_training  # noqa: F401
    from streamsense.training.eeg_tables import eegmat_table
    from streamsense.training.held_out_experts import eeg_people, held_out_eeg, held_out_voice
    from streamsense.training.voice_clips import emodb_clips
    from streamsense.training.voice_evaluation import CHOSEN_ON

    clips, fold = emodb_clips(data / "emodb"), _FOLD[group]
    speakers = sorted({clip.speaker for clip in clips})
    speakers = [name for name in speakers if (name in CHOSEN_ON) == (group == CHOOSING)]
    say(f"EEG expert without the people of fold {fold + 1} (the first time some minutes)")
    eeg_model = held_out_eeg(data / "eegmat", fold, calibrated_on=(2, 3))
    owners = eeg_people(eegmat_table(data / "eegmat"), fold)
    people = []
    for number, speaker in enumerate(speakers):
        pair = speakers[number - number % 2 :][:2]
        voice_model = held_out_voice(clips, pair, watch=say)
        seed = 10 * (1 + fold) + number
        people.append(Person(speaker, owners[number % len(owners)], seed, voice_model, eeg_model))
    return people


def told_of(person: Person, data: Path, names: Sequence[str]) -> dict[str, Told]:
    """What is said of all scenes of one person, by condition: "" where nothing is spoilt, else SPOILED's `names`."""
    from streamsense.training.voice_clips import emodb_clips

    ways = [way for way in SPOILED if way.name in names]
    clips, moves = emodb_clips(data / "emodb"), muscle_moves(_bundle(data))
    faces = face_parts(person, moves, [None, *(way for way in ways if way.modality == "face")])
    whole = voice_parts(person, clips).with_those_of(eeg_parts(person, data / "eegmat")).with_those_of(faces[None])
    model, found = load_fusion(), {}
    for way in (None, *ways):
        parts = whole
        if way is not None:
            spoilt: dict[str, Callable[[], Parts]] = {
                "voice": partial(voice_parts, person, clips, way),
                "face": partial(faces.__getitem__, way),
                "eeg": partial(eeg_parts, person, data / "eegmat", way),
            }
            parts = whole.with_those_of(spoilt[way.modality]())
        scenes = scenes_of(whole, np.random.default_rng([person.seed, 5]), with_conflict=way is None)
        found["" if way is None else way.name] = play_scenes(parts, scenes, model, person.speaker)
    return found


def _bundle(data: Path) -> Path:
    here = data / "face_models" / "face_landmarker.task"
    return here if here.is_file() else model_files("mesh478_blendshapes")["face_landmarker.task"]


# --- figures -----------------------------------------------------------------------------------------------------
Figure = Callable[[Told, int], float]


def _rmse(error: FloatArray) -> float:
    return float(np.sqrt(np.mean(error**2)))


def _errors(said: FloatArray, told: Told, dimension: int) -> FloatArray:
    """Of what is said (n,) against both that is shown, (n, 2); twice the same where all agree."""
    return np.asarray(said[:, None] - told.truths[:, :, dimension])


def fused(told: Told, dimension: int) -> float:
    """The error of what the fusion publishes."""
    return _rmse(_errors(told.fused[:, dimension], told, dimension))


def mean_fusion(told: Told, dimension: int) -> float:
    """The error of the plain mean of all experts that are there and know the dimension; 0 where there is none."""
    count = told.there[:, :, dimension].sum(axis=1)
    return _rmse(_errors(told.mean[:, :, dimension].sum(axis=1) / np.maximum(count, 1), told, dimension))


def single(modality: int, told: Told, dimension: int) -> float:
    """The error of one expert by itself, 0 where it is not there."""
    return _rmse(_errors(told.mean[:, modality, dimension], told, dimension))


def alone(modality: int, told: Told, dimension: int) -> float:
    """The error of what the fusion publishes when this modality is the only one."""
    return _rmse(_errors(told.alone[:, modality, dimension], told, dimension))


def best_single(told: Told, dimension: int) -> float:
    """The least error of one expert by itself or alone in the fusion, the expert chosen in hindsight."""
    return min(one(place, told, dimension) for one in (single, alone) for place in _knowing(told, dimension))


def oracle(told: Told, dimension: int) -> float:
    """The error of that convex combination of the experts there which is nearest to the truth, at each tick."""
    there, mean = told.there[:, :, dimension], told.mean[:, :, dimension]
    low = np.where(there, mean, np.inf).min(axis=1, initial=np.inf)
    high = np.where(there, mean, -np.inf).max(axis=1, initial=-np.inf)
    nobody = ~there.any(axis=1)
    low, high = np.where(nobody, 0.0, low), np.where(nobody, 0.0, high)
    truth = told.truths[:, :, dimension]
    return _rmse(np.clip(truth, low[:, None], high[:, None]) - truth)


def surprise(told: Told, dimension: int) -> float:
    """The negative log-likelihood of what is shown, by the fused mean and SD."""
    z = _errors(told.fused[:, dimension], told, dimension) / told.sd[:, dimension, None]
    return float(np.mean(0.5 * z**2 + np.log(told.sd[:, dimension, None]) + 0.5 * math.log(2 * math.pi)))


def constant_surprise(told: Told, dimension: int) -> float:
    """The same of a predictor that always says the mean and SD of these very truths: a floor that knows the answers."""
    return 0.5 * math.log(2 * math.pi * math.e * max(float(told.truths[:, :, dimension].var()), 1e-9))


def coverage(told: Told, dimension: int) -> float:
    """The share of what is shown that lies in the fused 90 % interval."""
    z = _errors(told.fused[:, dimension], told, dimension) / told.sd[:, dimension, None]
    return float(np.mean(np.abs(z) <= _WITHIN))


def coverage_of_midpoint(told: Told, dimension: int) -> float:
    """The same of the middle between the two that are shown."""
    middle = told.truths[:, :, dimension].mean(axis=1)
    return float(np.mean(np.abs(told.fused[:, dimension] - middle) <= _WITHIN * told.sd[:, dimension]))


def weight(modality: int, told: Told, dimension: int) -> float:  # noqa: ARG001
    """The mean weight."""
    return float(told.weight[:, modality].mean())


def largest_weight(told: Told) -> float:
    """Of any modality at any tick at which discord is so large that the cap is to hold in full; 0 where none is."""
    return float(told.weight[told.discord >= CONFLICT_FULLY].max(initial=0.0))


def _knowing(told: Told, dimension: int) -> list[int]:
    return [place for place in range(len(MODALITIES)) if told.there[:, place, dimension].any()]


FIGURES: Final[dict[str, Figure]] = {
    "fused": fused,
    "mean fusion": mean_fusion,
    "best single": best_single,
    **{f"{name} alone": partial(single, place) for place, name in enumerate(MODALITIES)},
    **{f"{name} alone, fused": partial(alone, place) for place, name in enumerate(MODALITIES)},
    "oracle": oracle,
    "NLL": surprise,
    "NLL of a constant": constant_surprise,
    "90 % holds": coverage,
    "holds the midpoint": coverage_of_midpoint,
    **{f"weight of {name}": partial(weight, place) for place, name in enumerate(MODALITIES)},
}


def figures(told: Told, dimension: int) -> dict[str, Interval]:
    """Every figure with its interval over people."""
    people = told.person.tolist()
    return {
        name: interval_over_people(lambda rows, of=of: of(told.rows(rows), dimension), people, times=200)
        for name, of in FIGURES.items()
    }


def equally_good(told: Told) -> Told:
    """Those conflicts of which face and voice, each by itself, give the right side (mean of the settled ticks).

    Chosen by what each says of its own part, never by what the fusion makes of both.
    """
    scenes, sides = _scenes(told), []
    for place, shown in ((MODALITIES.index("face"), 0), (MODALITIES.index("voice"), 1)):
        said = np.bincount(scenes, told.mean[:, place, _VALENCE]) / np.bincount(scenes)
        sides.append(said[scenes] * told.truths[:, shown, _VALENCE] > 0)
    return told.rows(sides[0] & sides[1])


def _scenes(told: Told) -> np.ndarray:
    """A number for each scene of each person, (n,)."""
    keys = np.array([f"{person} {scene}" for person, scene in zip(told.person, told.scene, strict=True)])
    return np.asarray(np.unique(keys, return_inverse=True)[1])


def discord_area(told: Told) -> float:
    """How often a conflict's scene has more discord than one in which all agree (mean of its settled ticks)."""
    _, first, which = np.unique(_scenes(told), return_index=True, return_inverse=True)
    mean = np.bincount(which, told.discord) / np.bincount(which)
    return roc_auc((told.kind[first] == CONFLICT).astype(np.intp), mean)


# --- criteria ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Criterion:
    """One thing that must hold, with the figures that decide."""

    text: str
    holds: bool


def criteria(told: dict[str, Told]) -> list[Criterion]:
    """All that the benchmark must show, by condition."""
    clean = told[""]
    agreeing = clean.rows(clean.kind == CONSISTENT)
    opposed = equally_good(clean.rows(clean.kind == CONFLICT))
    found = []
    for name, dimension in (("valence", _VALENCE), ("arousal", _AROUSAL)):
        mine, best = fused(agreeing, dimension), best_single(agreeing, dimension)
        found.append(Criterion(f"consistent, {name}: fused {mine:.3f} below best single {best:.3f}", mine < best))
        for condition, spoilt in told.items():
            if condition:
                mine, best = fused(spoilt, dimension), best_single(spoilt, dimension)
                text = (
                    f"{condition}, {name}: fused {mine:.3f}, {mine / best:.2f} of best single {best:.3f} (1.1 allowed)"
                )
                found.append(Criterion(text, mine <= WORST_RATIO * best))
    mine, mean = fused(opposed, _VALENCE), mean_fusion(opposed, _VALENCE)
    held, area, most = (
        coverage(opposed, _VALENCE),
        discord_area(together([agreeing, opposed])),
        largest_weight(opposed),
    )
    found += [
        Criterion(f"conflict, valence: fused {mine:.3f}, mean fusion {mean:.3f} or less", mine <= mean),
        Criterion(f"conflict: area of discord {area:.3f}, {LEAST_AUC} or more", area >= LEAST_AUC),
        Criterion(
            f"conflict: 90 % interval holds {held:.3f} of both values, {LEAST_COVERAGE} or more", held >= LEAST_COVERAGE
        ),
        Criterion(
            f"conflict: largest weight {most:.3f} where discord is {CONFLICT_FULLY} or more, {MOST_WEIGHT} or less",
            most <= MOST_WEIGHT + 1e-6,
        ),
    ]
    return found


def tables(told: dict[str, Told]) -> dict[str, dict[str, dict[str, Interval]]]:
    """Figures by dimension and condition; of a conflict in valence alone."""
    clean = told[""]
    opposed = clean.rows(clean.kind == CONFLICT)
    rows = {CONSISTENT: clean.rows(clean.kind == CONSISTENT), **{name: one for name, one in told.items() if name}}
    return {
        "valence": {
            name: figures(one, _VALENCE)
            for name, one in {
                f"{CONFLICT}, equally good": equally_good(opposed),
                f"{CONFLICT}, all": opposed,
                **rows,
            }.items()
        },
        "arousal": {name: figures(one, _AROUSAL) for name, one in rows.items()},
    }


# --- command -----------------------------------------------------------------------------------------------------
def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables and what holds; 0 where everything does."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conflict", description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path, help="the folder with emodb/ and eegmat/")
    parser.add_argument("--people", choices=(JUDGED, CHOOSING), default=JUDGED, help="which (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="people at a time (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="for scripts")
    options = parser.parse_args(arguments)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    try:
        told = told_by_all(options.data, options.people, SPOILED, options.processes, say)
    except StreamsenseError as error:
        say(f"Error: {error}")
        return error.exit_code
    found, judged = tables(told), criteria(told)
    if options.json:
        print(json.dumps(as_json(found, judged), indent=1))
    else:
        print_all(found, judged)
    return 0 if all(one.holds for one in judged) else 1


def told_by_all(
    data: Path, group: str, ways: Sequence[Spoiled], processes: int, say: Callable[[str], None]
) -> dict[str, Told]:
    """What is said of everybody's scenes, by condition; tells how long it will still take."""
    people, began = people_of(data, group, say), time.monotonic()
    say(f"{len(people)} people, {len(ways)} ways to spoil a signal")
    found = []
    # Anew, not forked: what torch and the nets hold does not survive a fork.
    anew = get_context("spawn")
    with ProcessPoolExecutor(max_workers=max(1, min(processes, len(people))), mp_context=anew) as pool:
        for done, one in enumerate(
            pool.map(partial(told_of, data=data, names=[way.name for way in ways]), people), start=1
        ):
            found.append(one)
            left_s = (time.monotonic() - began) / done * (len(people) - done)
            say(f"{done} of {len(people)} people, about {left_s:.0f} s left")
    return {name: together([one[name] for one in found]) for name in found[0]}


def print_all(found: dict[str, dict[str, dict[str, Interval]]], judged: Sequence[Criterion]) -> None:
    """The tables in Markdown, then what holds and what does not."""
    for dimension, rows in found.items():
        print(f"\n## {dimension}\n")
        print(f"| condition | {' | '.join(FIGURES)} |\n|---|{'---|' * len(FIGURES)}")
        for condition, row in rows.items():
            print(f"| {condition} | {' | '.join(str(row[name]) for name in FIGURES)} |")
    print()
    for one in judged:
        print(f"{'holds' if one.holds else 'FAILS'}: {one.text}")
    print(f"\n{sum(one.holds for one in judged)} of {len(judged)} criteria hold")


def as_json(found: dict[str, dict[str, dict[str, Interval]]], judged: Sequence[Criterion]) -> dict[str, object]:
    """The same for scripts."""
    return {
        "tables": {
            dimension: {
                condition: {name: [one.figure, one.low, one.high] for name, one in row.items()}
                for condition, row in rows.items()
            }
            for dimension, rows in found.items()
        },
        "criteria": [{"text": one.text, "holds": bool(one.holds)} for one in judged],
    }


if __name__ == "__main__":
    sys.exit(main())
