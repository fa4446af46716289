"""People put together from real parts: an acted voice, a face with action units on real pixels, and somebody's EEG.

Each modality of such a person is played through the real front end, features, quality estimate and expert, and what the
expert says at every tick of a short scene is kept: before fusion the modalities do not touch, so that any scene's face
can be shown with any other's voice. No expert ever met the person: networks were trained without (see
`streamsense.training.held_out_experts`), and the face's is not trained.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.ambivalence import Listening
from benchmarks.spoiling import Spoiled, lost
from streamsense.arrays import BoolArray, Float32Array, FloatArray
from streamsense.config import Config, parse_config
from streamsense.datasets.catalogue import recordings_of
from streamsense.face.edge import FaceEdge
from streamsense.features.face_measures import MEASURES, measure_matrix
from streamsense.features.face_vector import (
    BLENDSHAPE_START,
    FIELD_INDEX,
    GEOMETRY_START,
    face_vector_labels,
    face_vector_units,
)
from streamsense.fusion.combination import Opinion
from streamsense.fusion.emotions import EMOTIONS, VAD_CENTROIDS
from streamsense.models.catalogue import model_files
from streamsense.models.expert import Expert
from streamsense.pipeline import START, Pipeline
from streamsense.runtime.assembly import feature_operators, front_ends, load_fusion, load_model
from streamsense.sources.recorded import recording_arrays
from streamsense.sources.simulator import Participant, face
from streamsense.sources.simulator.script import Script, State
from streamsense.streams import Block, Control, Modality, StreamInfo, StreamOpened
from streamsense.ticks import HOP_S, TICKS_PER_SECOND
from streamsense.training.voice_clips import LABELS, Clip
from tests.helpers.face_muscles import Seen, canonical_face, contracted, vector_of

SHOWN: Final = LABELS[:6]
"""The emotions that are shown: those of the mixture that the acted voices have."""
PROTOTYPES: Final[Mapping[str, tuple[int, ...]]] = {
    "neutral": (),
    "happy": (6, 12),
    "sad": (1, 4, 15),
    "fearful": (1, 2, 4, 5, 7, 20, 26),
    "disgusted": (9, 10, 15, 17),
    "angry": (4, 5, 7, 24),
}
"""EMFACS's prototypes (SCIENCE 4.2). The face's expert was made from another list (Du, Tao & Martinez 2014)."""
INTENSITY: Final = (1.5, 4.0)
"""Between A and D, drawn for each unit of each scene."""
MARKED: Final = 3.5
"""The intensity (C to D) of a muscle's full move in `tests.helpers.face_muscles`."""
IDLE: Final = Script("idle", (State("idle", 60.0, "neutral", 0.0, 0.0, 0.0),))
GEOMETRY_SIZE: Final = BLENDSHAPE_START - GEOMETRY_START
SCENE_S: Final = 5.0
SCENE_TICKS: Final = round(SCENE_S * TICKS_PER_SECOND)
SETTLED_TICK: Final = 15
"""From 3 s on the windows of face and voice (2 s) lie in the scene, and what is shown has been reached (1 s)."""
PAUSE_S: Final = 1.0
"""Between scenes."""
REST_S: Final = 14.0
"""Neutral, before the first scene: so long does a neutral face take to settle, with something to spare."""
BASELINE_S: Final = 60.0
EEG_SETTLED_S: Final = 6.0
EEG_PART_S: Final = 26.0
BETWEEN_WORDS_S: Final = 0.2
ROOM_DB: Final = -65.0
"""Of full scale: the noise of a quiet room, in which all clips of a person are played."""
_BEGIN = 1000.0
_VOICE_TAKES = 2
_LABELS, _UNITS = (tuple(of("mesh468_iris")) for of in (face_vector_labels, face_vector_units))
_LIPS_GAP: Final = measure_matrix()[tuple(MEASURES).index("lips_gap")]


def place_of(emotion: str) -> FloatArray:
    """Valence, arousal and dominance of an emotion: the truth of a scene that shows it."""
    return np.asarray(VAD_CENTROIDS[EMOTIONS.index(emotion)])


@dataclass(frozen=True)
class Person:
    """Whose voice, whose EEG, and the seed of the face and of all that is drawn; with the experts that met neither."""

    speaker: str
    eeg_person: str
    seed: int
    voice_model: Path
    eeg_model: Path


@dataclass(frozen=True)
class Parts:
    """What each of a person's experts says, at every tick of a scene: (modality, emotion, take) → (SCENE_TICKS,).

    The effective times are seconds since the scene's beginning. The EEG's emotion is "rest" or "work".
    """

    said: Mapping[tuple[Modality, str, int], tuple[Opinion, ...]] = field(default_factory=dict)

    def with_those_of(self, other: Parts) -> Parts:
        """These, and in their place where there are any the other's."""
        return Parts({**self.said, **other.said})

    def takes(self, modality: Modality, emotion: str) -> int:
        """How many there are."""
        return sum(key[:2] == (modality, emotion) for key in self.said)


def settings(modality: Modality) -> Config:
    """One modality as the demo has it."""
    return parse_config({modality: {}, "provider": "cpu"}, "the benchmark")


def listen(
    modality: Modality,
    model: str | Path,
    info: StreamInfo,
    blocks: Iterable[Block],
    starts: Mapping[tuple[str, int], float],
) -> Parts:
    """Play a stream through one modality's own pipeline; `starts` (s since the first hop) are those of the scenes."""
    config = settings(modality)
    operator = feature_operators(config)[modality]
    expert = Expert(load_model(str(model), "cpu"), modality, operator.contract())
    fusion = Listening(load_fusion())
    pipeline = Pipeline({modality: operator}, {modality: expert}, fusion, fronts=front_ends(config, None))
    pipeline.push(StreamOpened(info, _BEGIN))
    pipeline.push(Control(START, "", _BEGIN))
    now = _BEGIN
    for block in blocks:
        if len(block):
            pipeline.push(block)
        now = max(now, block.received)
        pipeline.advance(now)
    pipeline.advance(now + 2.0)  # whoever waits for what was lost at the end has waited
    heard = {round((time - _BEGIN) * TICKS_PER_SECOND): said[modality] for time, said in fusion.told}
    parts = {}
    for (emotion, take), start in starts.items():
        first = round(start * TICKS_PER_SECOND)
        said = [heard.get(first + tick, Opinion.absent()) for tick in range(1, SCENE_TICKS + 1)]
        parts[modality, emotion, take] = tuple(
            replace(one, effective_time=one.effective_time - _BEGIN - start) for one in said
        )
    return Parts(parts)


def blocks_of(key: str, values: Float32Array, stamps: FloatArray, end_s: float) -> Iterable[Block]:
    """Samples (n, channels) with stamps (s) hop by hop, as they would arrive, up to `end_s`."""
    edges = np.searchsorted(stamps, np.arange(1, round(end_s / HOP_S) + 1) * HOP_S - 1e-9)
    first = 0
    for hop, last in enumerate(edges.tolist(), start=1):
        yield Block(key, first, stamps[first:last] + _BEGIN, values[first:last], _BEGIN + hop * HOP_S)
        first = last


# --- voice -------------------------------------------------------------------------------------------------------
def voice_parts(person: Person, clips: Sequence[Clip], spoiled: Spoiled | None = None) -> Parts:
    """The speaker's clips as one session: neutral ones first, then scenes of each emotion in a drawn order."""
    rng = np.random.default_rng([person.seed, 1])
    mine = [clip for clip in clips if clip.speaker == person.speaker]
    rate = mine[0].rate_hz
    room = np.random.default_rng([person.seed, 2])
    of = {
        emotion: [mine[at] for at in rng.permutation(len(mine)) if mine[at].label == LABELS.index(emotion)]
        for emotion in SHOWN
    }
    first = of["neutral"][: max(1, len(of["neutral"]) // 2)]
    of["neutral"] = of["neutral"][len(first) :] or first
    pieces = [_spoken(first, REST_S, rate)]
    starts: dict[tuple[str, int], float] = {}
    order = [(emotion, take) for emotion in SHOWN for take in range(_VOICE_TAKES) if of[emotion]]
    for number, at in enumerate(rng.permutation(len(order)).tolist()):
        emotion, take = order[at]
        starts[emotion, take] = sum(len(piece) for piece in pieces) / rate + PAUSE_S
        half = of[emotion][take::_VOICE_TAKES] or of[emotion]
        scene = _spoken(half, SCENE_S, rate)
        scene = scene + _noise(room, len(scene))
        if spoiled is not None and spoiled.sound is not None:
            scene = spoiled.sound(scene, rate, 1000 * person.seed + number)
        pieces += [np.zeros(round(PAUSE_S * rate), np.float32), scene]
    pieces.append(np.zeros(round(PAUSE_S * rate), np.float32))
    quiet = {at for at in range(len(pieces)) if at == 0 or at % 2 == 1}
    sound = np.concatenate(
        [piece + _noise(room, len(piece)) if at in quiet else piece for at, piece in enumerate(pieces)]
    )
    info = StreamInfo("voice", "voice", "acted speech", "Audio", "", ("mono",), ("normalized",), rate, "float32")
    stamps = np.arange(len(sound)) / rate
    blocks = blocks_of("voice", sound.astype(np.float32)[:, None], stamps, len(sound) / rate)
    return listen("voice", person.voice_model, info, blocks, starts)


def _spoken(clips: Sequence[Clip], seconds: float, rate_hz: float) -> Float32Array:
    """Clips one after the other, from the first one again, as many as fit; never none."""
    sound = np.zeros(round(seconds * rate_hz), np.float32)
    at = 0
    for number in range(1000):
        clip = clips[number % len(clips)].sound[: len(sound) - at]
        if number and at + len(clips[number % len(clips)].sound) > len(sound):
            break
        sound[at : at + len(clip)] = clip
        at += len(clip) + round(BETWEEN_WORDS_S * rate_hz)
    return sound


def _noise(rng: np.random.Generator, count: int) -> Float32Array:
    return (rng.standard_normal(count) * 10 ** (ROOM_DB / 20)).astype(np.float32)


# --- face --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Trace:
    """An emotion's action units over a scene: sizes (0 to 5) that are drawn, an onset, and a slow waver of each."""

    sizes: Mapping[int, float]
    onset_s: float
    waver_hz: float
    phase: float

    @staticmethod
    def of(emotion: str, rng: np.random.Generator) -> Trace:
        """Another one at each call."""
        sizes = {unit: float(rng.uniform(*INTENSITY)) for unit in PROTOTYPES[emotion]}
        return Trace(
            sizes, float(rng.uniform(0.3, 0.9)), float(rng.uniform(0.1, 0.4)), float(rng.uniform(0, 2 * np.pi))
        )

    def at(self, times: FloatArray) -> dict[int, FloatArray]:
        """The sizes at seconds since the scene's beginning, (n,) each; nothing before it and after its end."""
        rise = np.clip(times / self.onset_s, 0, 1)
        shape = rise * rise * (3 - 2 * rise) * (times < SCENE_S)
        waver = 1 + 0.2 * np.sin(2 * np.pi * self.waver_hz * times + self.phase)
        return {unit: np.clip(size * shape * waver, 0, 5) for unit, size in self.sizes.items()}


def muscle_moves(bundle: Path) -> dict[int, FloatArray]:
    """What each unit at 1 of 5 adds to a face vector's geometry, by MediaPipe's canonical mesh in `bundle`."""
    mesh, seen = canonical_face(bundle), Seen()
    rest = vector_of(mesh, seen)[GEOMETRY_START:]
    units = sorted({unit for units in PROTOTYPES.values() for unit in units})
    return {unit: (vector_of(contracted(mesh, unit), seen)[GEOMETRY_START:] - rest) / MARKED for unit in units}


def face_starts(seed: int, emotions: Sequence[str] = SHOWN) -> dict[tuple[str, int], float]:
    """When the scene of each emotion begins (s), in a drawn order."""
    order = np.random.default_rng([seed, 3]).permutation(len(emotions)).tolist()
    return {(emotions[at], 0): REST_S + PAUSE_S + number * (SCENE_S + PAUSE_S) for number, at in enumerate(order)}


def face_parts(
    person: Person, moves: Mapping[int, FloatArray], ways: Sequence[Spoiled | None], emotions: Sequence[str] = SHOWN
) -> dict[Spoiled | None, Parts]:
    """The face's parts, unspoilt (None) and spoilt in each way.

    Pictures of the simulated participant, who speaks, blinks and sways with an idle face, go through the real edge. To
    the mesh that it finds the muscles' moves are added: the nets do not follow a brow that is warped in a photograph.
    In a spoilt picture they are added as far as the edge still follows the lips there, which the picture does move.
    """
    starts = face_starts(person.seed, emotions)
    end_s = max(starts.values()) + SCENE_S + PAUSE_S
    stamps = np.arange(int(end_s * face.RATE_HZ)) / face.RATE_HZ
    within = np.any([(stamps >= start) & (stamps < start + SCENE_S) for start in starts.values()], axis=0)
    vectors = _seen_by_the_edge(person.seed, stamps, within, ways)
    rng = np.random.default_rng([person.seed, 4])
    shown = np.zeros((len(stamps), GEOMETRY_SIZE))
    for (emotion, _), start in sorted(starts.items()):
        for unit, sizes in Trace.of(emotion, rng).at(stamps - start).items():
            shown += sizes[:, None] * moves[unit]
    info = StreamInfo("face", "face", "face", "face", "face", _LABELS, _UNITS, 0.0, "float32")
    found = {}
    for way in ways:
        seen = way if way in vectors else None
        values, kept = vectors[seen].copy(), np.ones(len(stamps), bool)
        tracked = values[:, FIELD_INDEX["tracked"]] > 0
        followed = np.where(within, _followed(vectors[None][within], values[within]), 1.0)
        values[:, GEOMETRY_START:BLENDSHAPE_START] += (tracked * followed)[:, None] * shown
        if way is not None and way.lost_share:
            kept = lost(stamps, way.lost_share, person.seed) | ~within
        blocks = blocks_of("face", values[kept].astype(np.float32), stamps[kept], end_s)
        found[way] = listen("face", "face_knowledge", info, blocks, starts)
    return found


def _seen_by_the_edge(
    seed: int, stamps: FloatArray, within: BoolArray, ways: Sequence[Spoiled | None]
) -> dict[Spoiled | None, Float32Array]:
    """Face vectors (n, channels) of the pictures as they are (None), and as each way that changes them spoils them."""
    participant, drawn = Participant(IDLE, seed), face.Face()
    changing = [way for way in ways if way is not None and way.picture is not None]
    edges = {way: FaceEdge("mesh468_iris", model_files("mesh468_iris")) for way in (None, *changing)}
    vectors: dict[Spoiled | None, list[Float32Array]] = {way: [] for way in edges}
    for number, at in enumerate(stamps.tolist()):
        picture = drawn.picture(participant.face_at(at))
        plain = edges[None].process(picture)
        for way, edge in edges.items():
            if way is None or at < REST_S:  # before the first scene nothing is spoilt in any way
                vectors[way].append(plain)
            elif way.picture is not None and within[number]:
                vectors[way].append(edge.process(way.picture(picture, 100_000 * seed + number)))
            else:
                vectors[way].append(edge.process(picture))
    return {way: np.array(rows) for way, rows in vectors.items()}


def _followed(plain: Float32Array, spoilt: Float32Array) -> float:
    """How far the edge still follows the speaking lips, 0 to 1: the slope of their gap on the plain pictures'."""
    both = (plain[:, FIELD_INDEX["tracked"]] > 0) & (spoilt[:, FIELD_INDEX["tracked"]] > 0)
    if both.sum() < 2:
        return 0.0
    gap, still = (
        rows[both, GEOMETRY_START:BLENDSHAPE_START].astype(np.float64) @ _LIPS_GAP for rows in (plain, spoilt)
    )
    gap, still = gap - gap.mean(), still - still.mean()
    return float(np.clip(gap @ still / max(gap @ gap, 1e-9), 0, 1))


# --- EEG ---------------------------------------------------------------------------------------------------------
def eeg_parts(person: Person, folder: Path, spoiled: Spoiled | None = None) -> Parts:
    """A minute of the person's rest, by which the baseline settles, and then some more rest, and work."""
    recordings = [one for one in recordings_of(f"eegmat:{folder}") if one.person == person.eeg_person]
    rest, work = (one.open("eeg") for one in sorted(recordings, key=lambda one: one.order))
    stream = rest.streams[0]
    rate = stream.nominal_rate_hz
    values = [next(iter(recording_arrays(one).values())).values.astype(np.float32) for one in (rest, work)]
    base, part = round(BASELINE_S * rate), round(EEG_PART_S * rate)
    pieces = [values[0][:base], values[0][base : base + part], values[1][:part]]
    if spoiled is not None and spoiled.eeg is not None:
        pieces[1:] = [spoiled.eeg(piece, rate, person.seed + at) for at, piece in enumerate(pieces[1:])]
    begins = (0.0, BASELINE_S, BASELINE_S + EEG_PART_S + PAUSE_S)
    stamps = np.concatenate([begin + np.arange(len(piece)) / rate for begin, piece in zip(begins, pieces, strict=True)])
    starts: dict[tuple[str, int], float] = {}
    for name, begin in (("rest", begins[1]), ("work", begins[2])):
        for take in range(int((EEG_PART_S - EEG_SETTLED_S) / SCENE_S)):
            starts[name, take] = begin + EEG_SETTLED_S + take * SCENE_S
    blocks = blocks_of("eeg", np.concatenate(pieces), stamps, begins[2] + EEG_PART_S)
    return listen("eeg", person.eeg_model, stream.info("eeg", "eeg"), blocks, starts)
