"""Models of transformers, and what they say of given tokens."""

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel


def load(folder: str) -> PreTrainedModel:
    """The model of a folder, in float32 and without dropout (transformers' default for GPT-2 is 0.1)."""
    config = AutoConfig.from_pretrained(folder)
    for name in ("resid_pdrop", "embd_pdrop", "attn_pdrop"):
        if hasattr(config, name):
            setattr(config, name, 0.0)
    return AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=torch.float32)


@torch.no_grad()
def log_probs(model: PreTrainedModel, tokens: torch.Tensor, last: int) -> torch.Tensor:
    """Log-probabilities `[B, last]` of the last tokens of each row, in nats."""
    logits = model(tokens).logits[:, -last - 1 : -1]
    return torch.log_softmax(logits, -1).gather(-1, tokens[:, -last:, None])[..., 0]
