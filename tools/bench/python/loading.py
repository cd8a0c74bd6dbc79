"""Loading a folder with transformers."""

import time

import torch

import pretrained


class Job:
    """Loads the model and reads every number once, since safetensors maps the file and reads nothing."""

    def __init__(self, given: dict, options: dict, bare: bool) -> None:
        self.folder, self.names = given["folder"], given["names"]
        start = time.perf_counter()
        self.check = {"sums": self.load()}
        self.first_ms = (time.perf_counter() - start) * 1000

    @torch.inference_mode()
    def load(self) -> list[float]:
        parameters = dict(pretrained.load(self.folder).named_parameters())
        return [parameters[name].sum().item() for name in self.names]

    def iterate(self) -> None:
        self.load()
