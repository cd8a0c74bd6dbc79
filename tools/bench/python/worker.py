"""A process that computes what the benchmark asks for: JSON lines on standard input, JSON lines on standard output.

Whatever the libraries print goes to standard error.
"""

import gc
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
    """The jobs at hand, by name."""

    def __init__(self) -> None:
        self.jobs = {}

    def hello(self, _: dict) -> dict:
        import torch

        torch.set_num_threads(int(os.environ["CFRL_THREADS"]))
        torch.manual_seed(0)
        versions = {name: metadata.version(name) for name in PEERS}
        return {"versions": {"python": platform.python_version(), **versions}, "threads": torch.get_num_threads()}

    def prepare(self, request: dict) -> dict:
        module = importlib.import_module(request["program"])
        job = module.Job(request["given"], request["options"], request["bare"])
        self.jobs[request["job"]] = job
        return {"check": job.check, "firstMs": job.first_ms}

    def run(self, request: dict) -> dict:
        job = self.jobs[request["job"]]
        samples, before = [], time.process_time()
        for _ in range(request["iterations"]):
            start = time.perf_counter()
            job.iterate()
            samples.append((time.perf_counter() - start) * 1000)
        return {"samples": samples, "cpuMs": (time.process_time() - before) * 1000}

    def memory(self, _: dict) -> dict:
        return {"mebibytes": peak_mebibytes()}

    def release(self, request: dict) -> dict:
        self.jobs.pop(request["job"]).release()
        gc.collect()
        return {}


def main() -> None:
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    worker = Worker()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = {"id": request["id"], "result": getattr(worker, request["method"])(request["params"])}
        except Exception as error:
            import traceback

            traceback.print_exc()
            reply = {"id": request["id"], "error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
