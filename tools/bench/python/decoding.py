"""Sampling by hand: prefill, then one token at a time with a preallocated cache."""

import time

import torch

import gpt2


class Job:
    """Samples a completion of every given prompt."""

    def __init__(self, given: dict, options: dict, bare: bool) -> None:
        self.model = gpt2.load(given["folder"]).eval()
        self.prompts = torch.tensor(given["prompts"])
        self.new_tokens = given["work"]["newTokens"]
        self.cache = self.model.new_cache(len(self.prompts), self.prompts.shape[1] + self.new_tokens)
        start = time.perf_counter()
        tokens, log_probs = self.decode(greedy=True)
        self.first_ms = (time.perf_counter() - start) * 1000
        self.check = {"tokens": tokens.flatten().tolist(), "logProbs": log_probs.flatten().tolist()}

    @torch.inference_mode()
    def decode(self, greedy: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens and their log-probabilities, both `[B, newTokens]`."""
        batch, past = self.prompts.shape
        tokens = torch.empty(batch, self.new_tokens, dtype=torch.long)
        log_probs = torch.empty(batch, self.new_tokens)
        logits = self.model.cached(self.prompts, self.cache, 0)
        for t in range(self.new_tokens):
            all_log_probs = torch.log_softmax(logits, -1)
            drawn = all_log_probs.argmax(-1, keepdim=True) if greedy else torch.multinomial(all_log_probs.exp(), 1)
            tokens[:, t : t + 1] = drawn
            log_probs[:, t : t + 1] = all_log_probs.gather(1, drawn)
            if t + 1 < self.new_tokens:
                logits = self.model.cached(drawn, self.cache, past + t)
        return tokens, log_probs

    def iterate(self) -> None:
        self.decode(greedy=False)
