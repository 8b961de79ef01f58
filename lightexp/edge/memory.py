"""The memory that an ONNX file takes to run, in a process of its own: `python -m lightexp.edge.memory FILE BATCH`."""

import subprocess
import sys
import tempfile
from pathlib import Path

from lightexp.errors import LightexpError


def peak_bytes(content: bytes, batch: int) -> int:
    """The most memory that a fresh process has resident while it reads an ONNX file and runs a batch of it in one thread, less
    what it has with ONNX Runtime imported and nothing read.

    Raises:
        LightexpError: that process failed; says why.
    """
    with tempfile.TemporaryDirectory(prefix="lightexp-") as folder:
        file = Path(folder) / "net.onnx"
        file.write_bytes(content)
        command = [sys.executable, "-m", "lightexp.edge.memory", str(file), str(batch)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise LightexpError(f"the memory of a batch of {batch} cannot be measured: {reason}")
    return int(done.stdout)


def _resident_peak() -> int:
    """Bytes. Linux tells it of this program alone; what `getrusage` tells there includes the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(file: str, batch: int) -> None:
    import numpy as np
    import onnxruntime

    before = _resident_peak()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    taken = session.get_inputs()[0]
    session.run(None, {taken.name: np.zeros((batch, *taken.shape[1:]), np.float32)})
    print(max(0, _resident_peak() - before))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
