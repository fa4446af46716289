"""What raw samples go through before they reach their operator, and what it gave, as events of its own stream.

A recording without raw sound keeps these events in place of the raw stream's.
"""

from __future__ import annotations

from collections.abc import Mapping

from streamsense.core.pipeline_state import PipelineState
from streamsense.features.operator import FrontEnd
from streamsense.streams import (
    VOICE_FRAMES,
    Block,
    Event,
    Modality,
    StreamInfo,
    StreamOpened,
    TimedBlock,
    is_modality,
)


class FrontEnds:
    """The front ends by modality, and the streams that come out of them.

    With `keep_events` what they give is kept, as events, until `take_events`.
    """

    def __init__(self, fronts: Mapping[Modality, FrontEnd], state: PipelineState) -> None:
        self._fronts = dict(fronts)
        self._state = state
        self._given: dict[str, StreamInfo] = {}
        self.keep_events = False
        self._events: list[Event] = []

    def of(self, info: StreamInfo) -> FrontEnd | None:
        """The front end that a stream's samples go through, if any; a stream of what it gave goes through none."""
        return self._fronts.get(info.kind) if is_modality(info.kind) and info.type != VOICE_FRAMES else None

    def given(self, info: StreamInfo) -> StreamInfo:
        """The stream that comes out of the front end of `info`; where it goes through none, it itself."""
        return self._given.get(info.key, info)

    def takes(self, key: str) -> bool:
        """Whether the stream `key`, as it is open now, goes through a front end."""
        return key in self._given

    def opened(self, given: StreamInfo, received: float) -> None:
        """Go on with a new stream `given`, which an operator will take."""
        self._given[given.key] = given
        self._state.front_samples[given.key] = 0
        if self.keep_events:
            self._events.append(StreamOpened(given, received))

    def closed(self, key: str) -> None:
        """Forget what came out for the stream `key`: it is another now, which goes through no front end."""
        self._given.pop(key, None)

    def push(self, front: FrontEnd, block: TimedBlock, received: float) -> TimedBlock:
        """What raw samples that were received with a block complete, maybe nothing."""
        given = front.push(block)
        first = self._state.front_samples[block.key]
        self._state.front_samples[block.key] = first + len(given)
        if self.keep_events and len(given):
            self._events.append(Block(block.key, first, given.times, given.values, received))
        return given

    def take_events(self) -> list[Event]:
        """What was kept since the last call: a stream opened, its blocks, each received as its raw one."""
        events, self._events = self._events, []
        return events

    def states(self) -> dict[str, object]:
        """The states of those front ends that a stream goes through."""
        return {modality: front.state for modality, front in self._fronts.items() if modality in self._given}
