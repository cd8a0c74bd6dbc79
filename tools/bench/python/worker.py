"""A process that computes what the benchmark asks for: JSON lines on standard input, JSON lines on standard output.

Whatever the libraries print goes to standard error.
"""

import importlib
import json
import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path

PEERS = ("torch", "transformers", "trl", "numpy", "nltk", "sacrebleu", "fast-bleu")


def peak_mebibytes() -> float:
    """Largest resident size of this process so far."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


class Worker:
    """A process that does one job."""

    def prepare(self, request: dict) -> dict:
        import torch

        torch.set_num_threads(int(os.environ["CFRL_THREADS"]))
        torch.manual_seed(0)
        module = importlib.import_module(request["program"])
        self.job = module.Job(request["given"], request["options"], request["bare"])
        versions = {"python": platform.python_version(), **{name: metadata.version(name) for name in PEERS}}
        return {
            "check": self.job.check,
            "firstMs": self.job.first_ms,
            "versions": versions,
            "threads": torch.get_num_threads(),
        }

    def run(self, request: dict) -> dict:
        samples, before = [], time.process_time()
        for _ in range(request["iterations"]):
            start = time.perf_counter()
            self.job.iterate()
            samples.append((time.perf_counter() - start) * 1000)
        cpu_ms = (time.process_time() - before) * 1000
        return {"samples": samples, "cpuMs": cpu_ms, "mebibytes": peak_mebibytes()}


def main() -> None:
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = {"result": getattr(worker, request["method"])(request["params"])}
        except Exception as error:
            import traceback

            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
