"""A training step by hand: forward, backward, clip, fused AdamW; eager or compiled."""

import time

import torch
import torch.nn.functional as F

import gpt2


class Job:
    """Steps over the given batches, in turn. `options.compile` has `torch.compile` make the forward and backward pass."""

    def __init__(self, given: dict, options: dict, bare: bool) -> None:
        work = given["work"]
        model = gpt2.load(given["folder"])
        self.model = torch.compile(model, dynamic=False) if options["compile"] else model
        self.parameters = list(model.parameters())
        self.max_norm = work["maxGradNorm"]
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=work["learningRate"], weight_decay=work["weightDecay"], fused=True
        )
        rows = torch.tensor(given["batches"])
        self.batches = [(batch[:, :-1].contiguous(), batch[:, 1:].reshape(-1)) for batch in rows]
        self.steps = 0
        start = time.perf_counter()
        first = self.iterate()
        self.first_ms = (time.perf_counter() - start) * 1000
        self.check = {"losses": [first, *(self.iterate() for _ in range(work["checkSteps"]))]}

    def iterate(self) -> float:
        inputs, targets = self.batches[self.steps % len(self.batches)]
        self.steps += 1
        loss = F.cross_entropy(self.model(inputs).flatten(0, 1), targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, self.max_norm, foreach=True)
        self.optimizer.step()
        return loss.item()
