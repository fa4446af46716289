"""Does all that the tutorial of one's own model says, in a folder of its own, and prints how long each command took."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.docs.documents import OWN_MODEL, blocks

PROMISED_S = 600


def commands() -> list[str]:
    """The commands of the tutorial, without the environment's own."""
    found = [command for block in blocks(OWN_MODEL) for command in block.commands]
    return [command for command in found if command.startswith("streamsense ")]


def main() -> int:
    """The command; returns 1 where anything failed or took longer than promised."""
    scripts = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": scripts + os.pathsep + os.environ["PATH"]}
    total = 0.0
    with tempfile.TemporaryDirectory(prefix="streamsense-") as folder:
        for command in commands():
            began = time.monotonic()
            done = subprocess.run(shlex.split(command), cwd=folder, env=environment, check=False)
            took = time.monotonic() - began
            total += took
            print(f"--- {took:6.1f} s  {command}", flush=True)
            if done.returncode:
                return 1
    print(f"--- {total:6.1f} s  in all, {len(commands())} commands; promised: {PROMISED_S} s")
    return int(total > PROMISED_S)


if __name__ == "__main__":
    sys.exit(main())
