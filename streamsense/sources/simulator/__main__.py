"""Run the simulated participant: `python -m streamsense.sources.simulator`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from streamsense.errors import StreamsenseError
from streamsense.sources.simulator.outlets import ON_REQUEST, STREAMS, run
from streamsense.sources.simulator.scripts import DEFAULT_SCRIPT, SCRIPTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Send until the time is up, Ctrl-C or SIGTERM; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m streamsense.sources.simulator",
        description="A simulated participant on LSL: EEG, voice, camera, state markers and the truth.",
    )
    parser.add_argument("--seconds", type=float, help="how long to send (default: until Ctrl-C)")
    parser.add_argument(
        "--only",
        default=",".join(STREAMS),
        help=f"streams to send, with commas (default: %(default)s; there is also {', '.join(ON_REQUEST)})",
    )
    parser.add_argument("--script", default=DEFAULT_SCRIPT, help=f"one of {', '.join(SCRIPTS)} (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="0 or above; the same seed gives the same participant")
    parser.add_argument("--session-id", help="LSL session to send in (default: LSL's own)")
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error(f"--seed is {options.seed}, expected 0 or above")

    stop = threading.Event()

    def halt(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, halt)
    signal.signal(signal.SIGTERM, halt)
    try:
        run(
            options.seconds, options.script, options.seed, options.session_id, options.only.split(","), stop, _say_ready
        )
    except StreamsenseError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _say_ready(names: tuple[str, ...]) -> None:
    sys.stdout.write(f"sending {', '.join(names)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
