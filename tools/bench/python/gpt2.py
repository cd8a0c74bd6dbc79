"""GPT-2 in plain PyTorch: the rival that a good PyTorch user would write by hand for this work."""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn


class Block(nn.Module):
    """Attention and MLP, each behind its layer norm."""

    def __init__(self, width: int, heads: int, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width, eps=epsilon)
        self.c_attn = nn.Linear(width, 3 * width)
        self.attn_proj = nn.Linear(width, width)
        self.ln_2 = nn.LayerNorm(width, eps=epsilon)
        self.c_fc = nn.Linear(width, 4 * width)
        self.mlp_proj = nn.Linear(4 * width, width)

    def heads_of(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`[B, T, D]` to queries, keys and values `[B, H, T, D / H]`."""
        batch, time, width = x.shape
        qkv = self.c_attn(self.ln_1(x)).view(batch, time, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v

    def rest(self, x: Tensor, attended: Tensor) -> Tensor:
        """What follows the attention: two projections, two residuals."""
        x = x + self.attn_proj(attended.transpose(1, 2).reshape(x.shape))
        return x + self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.heads_of(x)
        return self.rest(x, F.scaled_dot_product_attention(q, k, v, is_causal=True))

    def cached(self, x: Tensor, cache: Tensor, past: int) -> Tensor:
        """As `forward`, behind `past` positions whose keys and values are in `cache` `[2, B, H, T, D / H]`."""
        q, k, v = self.heads_of(x)
        end = past + x.shape[1]
        cache[0, :, :, past:end] = k
        cache[1, :, :, past:end] = v
        keys, values = cache[0, :, :, :end], cache[1, :, :, :end]
        return self.rest(x, F.scaled_dot_product_attention(q, keys, values, is_causal=past == 0))


class GPT2(nn.Module):
    """The decoder, with an output layer of its own."""

    def __init__(self, config: dict) -> None:
        super().__init__()
        width = config["n_embd"]
        self.wte = nn.Embedding(config["vocab_size"], width)
        self.wpe = nn.Embedding(config["n_positions"], width)
        self.blocks = nn.ModuleList(
            Block(width, config["n_head"], config["layer_norm_epsilon"]) for _ in range(config["n_layer"])
        )
        self.ln_f = nn.LayerNorm(width, eps=config["layer_norm_epsilon"])
        self.lm_head = nn.Linear(width, config["vocab_size"], bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits `[B, T, V]`."""
        x = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.lm_head(self.ln_f(x))

    def new_cache(self, batch: int, time: int) -> list[Tensor]:
        """Room for the keys and values of `time` positions, a tensor a layer."""
        width, heads = self.wte.embedding_dim, self.blocks[0].heads
        return [torch.empty(2, batch, heads, time, width // heads) for _ in self.blocks]

    def cached(self, tokens: Tensor, cache: list[Tensor], past: int) -> Tensor:
        """Logits `[B, V]` after the last of `tokens`."""
        x = self.wte(tokens) + self.wpe.weight[past : past + tokens.shape[1]]
        for block, layer in zip(self.blocks, cache, strict=True):
            x = block.cached(x, layer, past)
        return self.lm_head(self.ln_f(x[:, -1]))


def load(folder: str) -> GPT2:
    """The model of a Hugging Face folder; its `Conv1D` weights are `[in, out]`, those of `nn.Linear` `[out, in]`."""
    model = GPT2(json.loads(Path(folder, "config.json").read_text()))
    names = {"attn.c_attn": "c_attn", "attn.c_proj": "attn_proj", "mlp.c_fc": "c_fc", "mlp.c_proj": "mlp_proj"}
    state = {}
    for name, tensor in load_file(Path(folder, "model.safetensors")).items():
        name = name.removeprefix("transformer.").replace("h.", "blocks.", 1) if name != "lm_head.weight" else name
        for theirs, ours in names.items():
            if f".{theirs}." in name:
                name = name.replace(theirs, ours)
                tensor = tensor.T.contiguous() if tensor.ndim == 2 else tensor
        state[name] = tensor
    model.load_state_dict(state)
    return model
