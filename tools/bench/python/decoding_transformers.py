"""Sampling with `generate` of transformers."""

import time

import torch

import pretrained


class Job:
    """Samples a completion of every given prompt."""

    def __init__(self, given: dict, options: dict, bare: bool) -> None:
        self.model = pretrained.load(given["folder"]).eval()
        self.prompts = torch.tensor(given["prompts"])
        self.mask = torch.ones_like(self.prompts)
        new_tokens = given["work"]["newTokens"]
        # No token ends a completion: all have the same length, as on the other side.
        self.model.generation_config.eos_token_id = None
        self.length = {"max_new_tokens": new_tokens, "min_new_tokens": None}
        start = time.perf_counter()
        tokens = self.generate(do_sample=False)
        self.first_ms = (time.perf_counter() - start) * 1000
        self.check = {
            "tokens": tokens[:, -new_tokens:].flatten().tolist(),
            "logProbs": pretrained.log_probs(self.model, tokens, new_tokens).flatten().tolist(),
        }

    @torch.inference_mode()
    def generate(self, **how: object) -> torch.Tensor:
        return self.model.generate(self.prompts, attention_mask=self.mask, **self.length, **how)

    def iterate(self) -> None:
        self.generate(do_sample=True, temperature=1.0, top_k=0, top_p=1.0)
