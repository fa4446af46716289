"""An amplifier's program is killed and started again: as it was, as another device, with other channels, no rate."""

from __future__ import annotations

import pytest

from streamsense.profile import FORGOTTEN
from tests.helpers.stream_faults import LABELS, RATE_HZ, Bench

AGAIN = {
    "the same": {},
    "another source id": {"source_id": "amp-2"},
    "other channels in another order": {"source_id": "amp-2", "labels": ["Cz", *reversed(LABELS)]},
    "no declared rate": {"source_id": "amp-2", "declared": 0.0},
    "fewer channels": {"source_id": "amp-2", "labels": LABELS[:3]},
}


@pytest.mark.parametrize("change", AGAIN)
def test_a_killed_outlet_is_lost_and_taken_up_again(amplifier: Bench, change: str) -> None:
    session, since = amplifier.session, len(amplifier.session.lines)
    amplifier.switch_off()
    told = session.wait_for_notice("stream_lost", since)
    if change == "the same":
        session.wait_for_notice("modality_lost", since)
    amplifier.switch_on(**AGAIN[change])
    opened = session.wait_for_notice("stream_opened", since)
    channels = len(AGAIN[change].get("labels", LABELS))
    assert opened["text"] == f"eeg: amplifier ({channels} channels, {RATE_HZ:g} Hz)"
    assert told["text"] == "eeg: the stream has been lost."

    def is_there() -> bool:
        newest = session.scores()[-1]
        return newest["eeg_presence"] == 1.0 and newest["eeg_age"] < 0.3 and newest["time"] > opened["time"]

    session.wait_for(is_there)
    warnings = [notice["text"] for notice in session.notices("warning", since=since)]
    forgotten = [text for text in warnings if text.endswith(FORGOTTEN)]
    found = "eeg: it declares no rate; 250 Hz was found in its time stamps"
    assert [text for text in warnings if text not in forgotten] == ([found] if change == "no declared rate" else [])
    # After two changes in a row there may be nothing to forget yet.
    allowed = {"the same": [0], "another source id": [0], "other channels in another order": [1]}.get(change, [0, 1])
    assert len(forgotten) in allowed
    # How good the signal is may be told in these seconds of what an earlier test did to it.
    kinds = {notice["kind"] for notice in session.notices(since=since)} - {"warning", "quality"}
    assert kinds <= {"stream_lost", "modality_lost", "stream_opened", "modality_regained", "gap"}
