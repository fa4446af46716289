"""The simulated participant on real LSL outlets, at real speed, for as long as wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from streamsense.errors import ConfigError
from streamsense.sources.lsl_configuration import DEFAULT_SESSION_ID, configure
from streamsense.sources.simulator import eeg, voice, words
from streamsense.sources.simulator.frames import FrameReader
from streamsense.sources.simulator.participant import Participant
from streamsense.sources.simulator.scripts import DEFAULT_SCRIPT, SCRIPTS
from streamsense.ticks import HOP_S, TICKS_PER_SECOND, tick_at_or_before, tick_time

STREAMS = ("eeg", "voice", "camera", "markers", "truth")
ON_REQUEST = ("words",)
"""Streams that are only sent where they are asked for."""
TRUTH_LABELS = ("valence", "arousal", "dominance", "ambivalence")

_WAKE_S = 0.02  # how often the outlets are served: the length of a voice chunk
_BUFFER_S = 10
_BUFFER_PICTURES = 3  # hundreds: liblsl counts an irregular stream's buffer so


class Feed(Protocol):
    """One outlet: `serve(now)` sends all that has happened by `now` and is not sent yet."""

    def serve(self, now: float) -> None:
        """Send what is due at `now`."""
        ...


def run(
    seconds: float | None = None,
    script: str = DEFAULT_SCRIPT,
    seed: int = 0,
    session_id: str | None = None,
    only: Iterable[str] = STREAMS,
    stop: threading.Event | None = None,
    ready: Callable[[tuple[str, ...]], None] | None = None,
) -> None:
    """Send the participant's streams for `seconds` (None: until `stop` is set).

    A sample's stamp is the start plus its index over the rate, never later than the moment it is sent. After a
    halt of this process the sound and the EEG are sent late but whole; a camera drops the pictures it missed.
    `ready` is called with the streams' names once the outlets are open. Raises ConfigError for an unknown script or
    stream, DependencyError if the camera is wanted and scikit-image is missing.
    """
    wanted = tuple(only)
    there_are = (*STREAMS, *ON_REQUEST)
    if not wanted or not set(wanted) <= set(there_are):
        raise ConfigError(f"the simulator was asked for the streams {list(wanted)}; expected some of {list(there_are)}")
    if script not in SCRIPTS:
        raise ConfigError(f"the simulator has no script {script!r}; expected one of {', '.join(SCRIPTS)}")
    participant = Participant(SCRIPTS[script], seed)
    configure(session_id)
    import pylsl

    stop = threading.Event() if stop is None else stop
    opened = [_OPENERS[name](participant) for name in there_are if name in wanted]
    _check_session(opened[0][0], session_id)
    start = pylsl.local_clock()
    feeds = [feed(start) for _, feed in opened]
    if ready is not None:
        ready(tuple(outlet.get_info().name() for outlet, _ in opened))
    while not stop.is_set():
        now = pylsl.local_clock()
        if seconds is not None and now >= start + seconds:
            break
        for feed in feeds:
            feed.serve(now)
        # On to the next multiple of the interval, so that the serving's own time does not add up.
        stop.wait(_WAKE_S - (pylsl.local_clock() - start) % _WAKE_S)


class _Samples:
    """A regular numeric stream in chunks, as they become due."""

    def __init__(self, outlet: Any, reader: FrameReader, rate_hz: float, start: float) -> None:
        self._outlet, self._reader, self._rate_hz, self._start = outlet, reader, rate_hz, start

    def serve(self, now: float) -> None:
        due = int((now - self._start) * self._rate_hz) + 1  # sample n happens at n / rate, so the first at once
        count = due - self._reader.next_sample
        if count > 0:
            samples = self._reader.read(count)
            self._outlet.push_chunk(samples, self._start + (due - 1) / self._rate_hz)


class _Pictures:
    """The camera's newest picture, if it is not sent yet."""

    def __init__(self, outlet: Any, frame: Callable[[int], str], rate_hz: float, start: float) -> None:
        self._outlet, self._frame, self._rate_hz, self._start = outlet, frame, rate_hz, start
        self._next = 0

    def serve(self, now: float) -> None:
        newest = int((now - self._start) * self._rate_hz)
        if newest >= self._next:
            self._outlet.push_sample([self._frame(newest)], self._start + newest / self._rate_hz)
            self._next = newest + 1


class _StateNames:
    """The name of each state of the script when it begins."""

    def __init__(self, outlet: Any, participant: Participant, start: float) -> None:
        self._outlet, self._script, self._start = outlet, participant.script, start
        self._next = 0

    def serve(self, now: float) -> None:
        begins, state = self._script.beginning(self._next)
        while self._start + begins <= now:
            self._outlet.push_sample([state.name], self._start + begins)
            self._next += 1
            begins, state = self._script.beginning(self._next)


class _Words:
    """Each phrase when the recogniser has recognised it."""

    def __init__(self, outlet: Any, participant: Participant, start: float) -> None:
        self._outlet = outlet
        self._phrases = words.phrases(participant, start)
        self._due, self._sample = next(self._phrases)

    def serve(self, now: float) -> None:
        while self._due <= now:
            if self._sample:
                self._outlet.push_sample([self._sample], self._due)
            self._due, self._sample = next(self._phrases)


class _Truths:
    """The truth at each tick of the 200 ms grid that scores are on."""

    def __init__(self, outlet: Any, participant: Participant, start: float) -> None:
        self._outlet, self._script, self._start = outlet, participant.script, start
        self._next = tick_at_or_before(start) + 1

    def serve(self, now: float) -> None:
        while tick_time(self._next) <= now:
            time = tick_time(self._next)
            truth = self._script.truth_at(time - self._start)
            self._outlet.push_sample([getattr(truth, label) for label in TRUTH_LABELS], time)
            self._next += 1


Opened = tuple[Any, Callable[[float], Feed]]
"""An outlet, and what makes its feed once the start is known."""


def _outlet(
    name: str, kind: str, channels: dict[str, str], rate_hz: float, dtype: str, notes: dict[str, str], buffer: int
) -> Any:
    """An LSL outlet with full metadata; `channels` are labels and units."""
    import pylsl

    info = pylsl.StreamInfo(name, kind, len(channels), rate_hz, dtype, f"streamsense-simulator-{name}")
    description = info.desc()
    description.append_child_value("manufacturer", "streamsense simulated participant")
    for key, value in notes.items():
        description.append_child_value(key, value)
    listed = description.append_child("channels")
    for label, unit in channels.items():
        channel = listed.append_child("channel")
        channel.append_child_value("label", label)
        channel.append_child_value("unit", unit)
        channel.append_child_value("type", kind)
    return pylsl.StreamOutlet(info, 0, buffer)


def _open_eeg(participant: Participant) -> Opened:
    notes = {"reference": "average", "cap": "10-20"}
    outlet = _outlet("SimEEG", "EEG", dict.fromkeys(eeg.LABELS, eeg.UNIT), eeg.RATE_HZ, "float32", notes, _BUFFER_S)
    reader = FrameReader(eeg.EegMaker(participant))
    return outlet, lambda start: _Samples(outlet, reader, eeg.RATE_HZ, start)


def _open_voice(participant: Participant) -> Opened:
    outlet = _outlet("SimVoice", "Audio", {voice.LABEL: voice.UNIT}, voice.RATE_HZ, "float32", {}, _BUFFER_S)
    reader = FrameReader(voice.VoiceMaker(participant))
    return outlet, lambda start: _Samples(outlet, reader, voice.RATE_HZ, start)


def _open_camera(participant: Participant) -> Opened:
    import cv2

    from streamsense.sources.simulator import face

    cv2.setNumThreads(1)  # the pictures are small: more threads cost more than they help
    camera = face.Camera(participant)
    camera.frame(0)  # the first takes longer
    notes = {
        "encoding": "jpeg-base64",
        "fps": f"{face.RATE_HZ:g}",
        "width": str(face.WIDTH),
        "height": str(face.HEIGHT),
    }
    outlet = _outlet("SimCamera", "VideoFrames", {"frame": "jpeg-base64"}, 0.0, "string", notes, _BUFFER_PICTURES)
    return outlet, lambda start: _Pictures(outlet, camera.frame, face.RATE_HZ, start)


def _open_markers(participant: Participant) -> Opened:
    outlet = _outlet("SimMarkers", "Markers", {"state": "name"}, 0.0, "string", {}, _BUFFER_S)
    return outlet, lambda start: _StateNames(outlet, participant, start)


def _open_words(participant: Participant) -> Opened:
    outlet = _outlet("SimWords", "Transcript", {"words": "json"}, 0.0, "string", {"language": "en"}, _BUFFER_S)
    return outlet, lambda start: _Words(outlet, participant, start)


def _open_truth(participant: Participant) -> Opened:
    notes = {"hop_s": f"{HOP_S:g}", "script": participant.script.name, "seed": str(participant.seed)}
    channels = dict.fromkeys(TRUTH_LABELS, "normalised")
    outlet = _outlet("SimTruth", "Truth", channels, TICKS_PER_SECOND, "double64", notes, _BUFFER_S)
    return outlet, lambda start: _Truths(outlet, participant, start)


_OPENERS: dict[str, Callable[[Participant], Opened]] = {
    "eeg": _open_eeg,
    "voice": _open_voice,
    "camera": _open_camera,
    "markers": _open_markers,
    "truth": _open_truth,
    "words": _open_words,
}


def _check_session(outlet: Any, session_id: str | None) -> None:
    found, expected = outlet.get_info().session_id(), DEFAULT_SESSION_ID if session_id is None else session_id
    if found != expected:
        raise ConfigError(
            f"the outlets belong to the LSL session {found!r}; expected {expected!r}. LSL was used in this process "
            "before its settings were given: configure it first, or start the simulator as a process of its own."
        )
