"""Whether the shipped models run on the GPU, as the CPU computes them, and how long they take there.

Needs an NVIDIA GPU with CUDA 13 and cuDNN 9; beside ONNX Runtime for GPUs only numpy. Of each model it proves by ONNX
Runtime's own profile that all that is computed of the inputs was computed by CUDA (shapes may be counted on the CPU),
compares all outputs with the CPU's for each batch size (TF32 off), and takes the time of a run, with the way of the
inputs to the GPU and of the outputs back, in sessions that are not profiled.

    python -m benchmarks.gpu_check [--json] [MODEL.onnx ...]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime

from streamsense.errors import StreamsenseError
from streamsense.models.onnx_file import read_model
from streamsense.models.providers import CPU, CUDA, CUDA_OPTIONS, cuda_driver_present, open_session, session_options
from streamsense.resources import shipped

BATCHES = (1, 8, 64, 512)
TOLERANCE = 1e-5
WARM_UP, RUNS = 10, 100
Inputs = dict[str, np.ndarray]


class CheckError(StreamsenseError):
    """The GPU cannot be had, was not used, or computes something else."""


def check(path: Path) -> list[dict[str, object]]:
    """One row for each batch size. Raises CheckError, or ModelError where the model cannot be opened on the GPU."""
    if os.environ.get("NVIDIA_TF32_OVERRIDE", "0") != "0":
        raise CheckError("NVIDIA_TF32_OVERRIDE turns TF32 on behind ONNX Runtime's back; unset it.")
    content = read_model(path).content
    cuda, _ = open_session(path, content, "cuda")  # the way of a live session: refuses where the GPU cannot be had
    if (found := cuda.get_provider_options()[CUDA]["use_tf32"]) != "0":
        raise CheckError(f"{path.name}: the session on the GPU says use_tf32 = {found}, expected 0.")
    cpu, _ = open_session(path, content, "cpu")
    batches = [batch for batch in BATCHES if batch == 1 or not _has_fixed_batch(cpu)]
    gpu_nodes, cpu_nodes = nodes(path, content, [(CUDA, CUDA_OPTIONS), CPU], batches)
    if not gpu_nodes:
        raise CheckError(f"{path.name}: CUDA computed no node.")
    if batch_on_cpu := [name for name, values in cpu_nodes.items() if values >= max(batches)]:
        raise CheckError(f"{path.name}: the CPU computed {', '.join(sorted(batch_on_cpu))} of the inputs, not CUDA.")
    rows: list[dict[str, object]] = []
    for batch in batches:
        inputs = random_inputs(cpu, batch)
        apart = largest_difference(cuda.run(None, inputs), cpu.run(None, inputs))
        if not apart <= TOLERANCE:
            raise CheckError(f"{path.name}, batch {batch}: GPU and CPU differ by {apart:.1e}, at most {TOLERANCE}.")
        rows.append(
            {
                "model": path.stem,
                "batch": batch,
                "difference": apart,
                "gpu_ms": median_ms(cuda, inputs),
                "cpu_ms": median_ms(cpu, inputs),
                "gpu_nodes": len(gpu_nodes),
                "cpu_nodes": len(cpu_nodes),
            }
        )
    return rows


def nodes(
    path: Path, content: bytes, providers: list[object], batches: list[int]
) -> tuple[dict[str, int], dict[str, int]]:
    """The nodes that CUDA and that the CPU computed, each with the most floats that it gave in any of these batches.

    By the runtime's own record. Nodes that only move values between the two are not counted.
    """
    with tempfile.TemporaryDirectory() as folder:
        options = session_options()
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / path.stem)
        session = onnxruntime.InferenceSession(content, options, providers=providers, enable_fallback=0)
        for batch in batches:
            session.run(None, random_inputs(session, batch))
        events = json.loads(Path(session.end_profiling()).read_text())
    ran: dict[str, Counter[str]] = {CUDA: Counter(), CPU: Counter()}
    for event in events:
        about = event.get("args", {})
        if event.get("cat") == "Node" and "provider" in about and not about["op_name"].startswith("Memcpy"):
            sizes = (
                int(np.prod(shape))
                for one in about["output_type_shape"]
                for kind, shape in one.items()
                if "float" in kind
            )
            name = f"{about['op_name']} {event['name'].removesuffix('_kernel_time')}"
            ran[about["provider"]][name] = max(ran[about["provider"]][name], *sizes, 0)
    return dict(ran[CUDA]), dict(ran[CPU])


def random_inputs(session: onnxruntime.InferenceSession, batch: int) -> Inputs:
    """Numbers from 0 to 1; masks are 0 or 1."""
    random = np.random.default_rng(batch)
    inputs = {value.name: random.uniform(0, 1, (batch, *value.shape[1:])) for value in session.get_inputs()}
    return {name: (np.round(x) if "mask" in name else x).astype(np.float32) for name, x in inputs.items()}


def _has_fixed_batch(session: onnxruntime.InferenceSession) -> bool:
    return any(isinstance(value.shape[0], int) for value in session.get_inputs())


def largest_difference(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """Of all outputs, relative to their size where that is above 1."""
    apart = [np.abs(a - b) / np.maximum(1, np.abs(b)) for a, b in zip(one, other, strict=True)]
    return float(np.max([each.max() for each in apart]))


def median_ms(model: onnxruntime.InferenceSession, inputs: Inputs) -> float:
    taken = []
    for _ in range(WARM_UP + RUNS):
        begin = time.perf_counter()
        model.run(None, inputs)
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken[WARM_UP:]) * 1e3)


def machine() -> str:
    """The GPU, its driver and ONNX Runtime, as a line."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        gpu = subprocess.run(query, capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        gpu = "GPU not named by nvidia-smi"
    return f"{gpu}, ONNX Runtime {onnxruntime.__version__}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=Path, help="all shipped models, where none is named")
    parser.add_argument("--json", action="store_true", help="print rows as JSON")
    asked = parser.parse_args()
    rows = []
    try:
        if not cuda_driver_present():
            raise CheckError("This needs an NVIDIA GPU with CUDA 13 and cuDNN 9, but no NVIDIA driver was found.")
        for path in asked.models or sorted(shipped("models_onnx").glob("*.onnx")):
            rows += check(path)
    except StreamsenseError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if asked.json:
        print(json.dumps(rows, indent=1))
        return 0
    print(f"{machine()}\n")
    print("| model | batch | GPU, ms | CPU (1 thread), ms | largest difference | nodes on the GPU | on the CPU |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            "| {model} | {batch} | {gpu_ms:.3f} | {cpu_ms:.3f} | {difference:.1e} | {gpu_nodes} | {cpu_nodes} |".format(
                **row
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
