"""Score a recording and write the scores to a folder.

    python pipelines/replay_recording.py session.xdf --out scores

The streams are chosen by type, channel names and rate. The same file gives the same scores, byte for byte.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from streamsense.errors import StreamsenseError
from streamsense.runtime.recorded_session import open_replay
from streamsense.score import Notice
from streamsense.sinks.table import CsvSink


def main() -> None:
    """Replay one file on its complete data, as fast as it goes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("file", type=Path, help="XDF, EDF, BDF, FIF, BrainVision or WAV")
    parser.add_argument("--out", type=Path, required=True, help="folder for scores.csv and events.csv")
    options = parser.parse_args()

    # The second argument names streams where the choice is not clear: {"eeg": "ActiChamp-0"}.
    replay, warnings = open_replay(options.file, {})
    for warning in warnings:
        print(f"warning: {warning}")

    confident = total = 0
    with CsvSink(options.out) as sink:
        for item in replay.run():  # scores, and the notices between them, in order
            if isinstance(item, Notice):
                sink.write_notice(item)
                continue
            sink.write_score(item)
            total += 1
            confident += item["confidence"] > 0.1
    print(f"{total} scores written to {options.out / 'scores.csv'}; {confident} with a confidence above 0.1")


if __name__ == "__main__":
    try:
        main()
    except StreamsenseError as error:  # something that can be mended: say what, without a traceback
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
