"""Two streams that could be the wanted one: refused at the start, with the list of both."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.command_line import run, write_config
from tests.helpers.stream_faults import LABELS, amplifiers, configuration, new_session_id


def test_two_matching_streams_are_refused_with_their_list(tmp_path: Path) -> None:
    session_id = new_session_id()
    with amplifiers(session_id) as senders:
        for number in (1, 2):
            senders.ask(do="open", name=f"amplifier {number}", source_id=f"amp-{number}", labels=LABELS)
        config = write_config(tmp_path, "two", configuration(session_id, eeg={"source": {"type": "EEG"}}))
        done = run("live", config, "--seconds", "5", folder=tmp_path)
    assert done.code == 2
    assert "2 streams match type='EEG'" in done.err
    assert "'amplifier 1'" in done.err
    assert "source_id 'amp-2'" in done.err
    assert "Add the name or the source_id of the one you mean" in done.err
    assert "Traceback" not in done.err
