"""What experts say of people whom they never met: acted voices, acted faces, and EEG at rest and at work.

Every window goes through the real operators, with their quality estimate, and through an expert that was trained and
calibrated without this person (`streamsense.training.held_out_experts`); the experts that are not trained are judged on
people by whom none of their numbers was fitted. What spoils a signal does so before any operator sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.mesh_faces import GOOD, Picture, acted
from streamsense.arrays import FloatArray, IntArray
from streamsense.datasets.catalogue import recordings_of
from streamsense.datasets.eegmat import ARITHMETIC
from streamsense.datasets.sittings import sittings
from streamsense.evaluation.corruption import Noise, spoilt
from streamsense.features.band_entropy import BandEntropy
from streamsense.features.face_features import FaceFeatures
from streamsense.features.voice_features import VoiceFeatures
from streamsense.fusion.combination import Opinion, opinion_of
from streamsense.fusion.emotions import EMOTIONS, VAD_CENTROIDS
from streamsense.models.expert import Expert
from streamsense.runtime.assembly import load_model
from streamsense.streams import Feature, Modality
from streamsense.training.eeg_committee import AROUSAL_OF_WORK
from streamsense.training.eeg_tables import labelled_windows
from streamsense.training.held_out_experts import EEG_FOLDS, held_out_eeg, held_out_voice
from streamsense.training.voice_clips import LABELS, Clip
from streamsense.training.voice_losses import PLACES
from streamsense.training.voice_study import Plan
from streamsense.training.voice_tables import Take, VoiceTable, play

WORK, REST = "work", "rest"
SPEAKERS_ASIDE: Final = 2
"""So many speakers have no part in the expert that judges them."""
ONE_ORDER: Final = Plan(seeds=(0,), takes=1)
"""The shipped one learns from nine orders of the clips; here one will do, in a third of the time."""
_ROOM = Take(0)
Told = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Said:
    """What the experts of one modality say: n windows of `person` (n,), each showing `emotion` (n,), in scenes (n,).

    `truth` (n, 3) is NaN where there is none. A scene is a clip, an acted emotion, or 5 s of EEG.
    """

    modality: Modality
    person: npt.NDArray[np.str_]
    emotion: npt.NDArray[np.str_]
    scene: IntArray
    truth: FloatArray
    opinions: tuple[Opinion, ...]

    def take(self, rows: IntArray) -> Said:
        """These windows alone."""
        return Said(
            self.modality, self.person[rows], self.emotion[rows], self.scene[rows], self.truth[rows],
            tuple(self.opinions[row] for row in rows.tolist()),
        )  # fmt: skip


def _collected(modality: Modality, rows: Sequence[tuple[str, str, int, FloatArray, Opinion]]) -> Said:
    person, emotion, scene, truth, opinions = zip(*rows, strict=True)
    return Said(modality, np.array(person), np.array(emotion), np.array(scene), np.array(truth), opinions)


# --- voice -------------------------------------------------------------------------------------------------------
def voice_experts(clips: Sequence[Clip], told: Told) -> dict[str, Expert]:
    """For each speaker one that never heard this speaker, nor one other; trained where the cache has none."""
    speakers = sorted({clip.speaker for clip in clips})
    found = {}
    for start in range(0, len(speakers), SPEAKERS_ASIDE):
        aside = speakers[start : start + SPEAKERS_ASIDE]
        path = held_out_voice(clips, aside, ONE_ORDER, told)
        found |= dict.fromkeys(aside, Expert(load_model(str(path), "cpu"), "voice", VoiceFeatures().contract()))
    return found


def voices(clips: Sequence[Clip], snr_db: float | None = None) -> VoiceTable:
    """Every clip's windows; white noise `snr_db` below each clip's own level."""
    return play([_noisy(clip, snr_db) for clip in clips], _ROOM)


def voice_said(table: VoiceTable, experts: Mapping[str, Expert]) -> Said:
    """Of every window of those speakers for whom there is an expert."""
    rows = []
    for window, clip in enumerate(table.clip.tolist()):
        if (speaker := str(table.speaker[clip])) not in experts:
            continue
        inputs = {name: values[window] for name, values in table.inputs.items()}
        inputs |= {name: values[0] for name, values in table.log_mel(np.array([window])).items()}
        feature = Feature("voice", inputs, 1.0, float(table.quality[window]), 0.0, 0.0)
        label = int(table.label[clip])
        said = opinion_of(experts[speaker], feature, experts[speaker].evaluate(feature), 0.0)
        rows.append((speaker, LABELS[label], clip, PLACES[label], _absent_if_empty(said)))
    return _collected("voice", rows)


def _noisy(clip: Clip, snr_db: float | None) -> Clip:
    if snr_db is None:
        return clip
    level = float(np.sqrt(np.mean(clip.sound.astype(np.float64) ** 2))) * 10 ** (-snr_db / 20)
    noise = np.random.default_rng([len(clip.sound), clip.label]).standard_normal(len(clip.sound))
    sound = clip.sound + level * noise
    return replace(clip, sound=(sound / max(1.0, float(np.abs(sound).max()))).astype(np.float32))


# --- EEG ---------------------------------------------------------------------------------------------------------
def eeg_experts(folder: Path, told: Told) -> dict[str, Expert]:
    """For each person one that never saw this person, nor the others of the same fold; by the cached networks."""
    people = sorted({recording.person for recording in recordings_of(f"eegmat:{folder}")})
    found = {}
    for fold in range(EEG_FOLDS):
        told(f"EEG without fold {fold + 1}")
        expert = Expert(load_model(str(held_out_eeg(folder, fold)), "cpu"), "eeg", BandEntropy().contract())
        found |= dict.fromkeys(people[fold::EEG_FOLDS], expert)
    return found


@dataclass(frozen=True, eq=False)
class Brain:
    """A window of somebody's EEG at work or at rest, `time_s` after the sitting's beginning."""

    person: str
    works: bool
    time_s: float
    feature: Feature


def brains(folder: Path, people: Sequence[str], snr_db: float | None = None) -> list[Brain]:
    """Every window after the baseline, one a second; white noise `snr_db` below each electrode's own signal."""
    recordings = [one for one in recordings_of(f"eegmat:{folder}") if one.person in people]
    found = []
    for sitting in sittings(recordings, "eeg"):
        operator = BandEntropy()
        kept_from = operator.settings.baseline_s + operator.settings.window_s
        whole = sitting if snr_db is None else spoilt(sitting, Noise(snr_db))
        found += [
            Brain(sitting.person, label.name == ARITHMETIC, time_s, feature)
            for label, time_s, feature in labelled_windows(whole, operator)
            if time_s >= kept_from
        ]
    return found


def eeg_said(windows: Sequence[Brain], experts: Mapping[str, Expert]) -> Said:
    """Of every window."""
    rows = []
    for one in windows:
        expert = experts[one.person]
        truth = np.array([np.nan, AROUSAL_OF_WORK if one.works else -AROUSAL_OF_WORK, np.nan])
        said = opinion_of(expert, one.feature, expert.evaluate(one.feature), 0.0)
        rows.append((one.person, WORK if one.works else REST, int(one.time_s) // 5, truth, _absent_if_empty(said)))
    return _collected("eeg", rows)


# --- face --------------------------------------------------------------------------------------------------------
def face_expert() -> Expert:
    """The shipped one."""
    return Expert(load_model("face_knowledge", "cpu"), "face", FaceFeatures("mesh468_iris").contract())


def face_said(bundle: Path, seeds: Sequence[int], expert: Expert, picture: Picture = GOOD) -> Said:
    """Of the acted emotions of as many people as there are seeds."""
    rows = []
    for seed in seeds:
        for number, shown in enumerate(acted(bundle, seed, picture)):
            truth = np.asarray(VAD_CENTROIDS[EMOTIONS.index(shown.emotion)])
            for _, feature in shown.features:
                said = opinion_of(expert, feature, expert.evaluate(feature), 0.0)
                rows.append((shown.person, shown.emotion, number, truth, _absent_if_empty(said)))
    return _collected("face", rows)


def _absent_if_empty(opinion: Opinion) -> Opinion:
    """As the pipeline has it: a modality of which nothing is left in the window is not there."""
    return opinion if opinion.quality > 0 else Opinion.absent()


# --- together ----------------------------------------------------------------------------------------------------
def scenes(voice: Said, face: Said, eeg: Said, seed: int = 0) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
    """The windows of each scene, (ticks,) of voice, face and EEG: one clip, with the same emotion in somebody's face.

    The EEG is somebody's at work where the emotion's place is aroused, and at rest where it is not.
    """
    random = np.random.default_rng(seed)
    faces, brains = _by_scene(face), _by_scene(eeg)
    for (_, emotion, _), heard in _by_scene(voice).items():
        if emotion not in EMOTIONS:
            continue
        state = WORK if VAD_CENTROIDS[EMOTIONS.index(emotion), 1] > 0.1 else REST
        shown = _drawn([rows for (_, name, _), rows in faces.items() if name == emotion], random)
        felt = _drawn([rows for (_, name, _), rows in brains.items() if name == state], random)
        ticks = np.arange(min(len(heard), len(shown)))
        yield heard[ticks], shown[ticks], felt[np.minimum(ticks // 5, len(felt) - 1)]


def _by_scene(said: Said) -> dict[tuple[str, str, int], IntArray]:
    keys = list(zip(said.person.tolist(), said.emotion.tolist(), said.scene.tolist(), strict=True))
    found: dict[tuple[str, str, int], list[int]] = {}
    for row, key in enumerate(keys):
        found.setdefault(key, []).append(row)
    return {key: np.array(rows) for key, rows in found.items()}


def _drawn(among: Sequence[IntArray], random: np.random.Generator) -> IntArray:
    return among[int(random.integers(len(among)))]


FITTED_SPEAKERS: Final = 4
"""On so many, in their order, the arousal of `voice_knowledge` was fitted: the others judge it."""


def untrained(modality: Modality, people: Iterable[str]) -> dict[str, Expert]:
    """For each of these people the expert of published knowledge."""
    contract = BandEntropy().contract() if modality == "eeg" else VoiceFeatures().contract()
    return dict.fromkeys(people, Expert(load_model(f"{modality}_knowledge", "cpu"), modality, contract))
