"""Text to tokens by the Rust tokenizer."""

import time
from pathlib import Path

from tokenizers import Tokenizer


def checksum(tokens: list) -> int:
    value = 0
    for token in tokens:
        value = (value * 31 + token + 1) % 1_000_003
    return value


class Job:
    """Encodes the given text."""

    def __init__(self, given: dict, options: dict, bare: bool) -> None:
        folder = Path(given["folder"])
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.encode_special_tokens = True  # text is data, on both sides
        self.text = (folder / "text.txt").read_bytes().decode("utf-8")
        start = time.perf_counter()
        tokens = self.encode()
        self.first_ms = (time.perf_counter() - start) * 1000
        self.check = {"tokens": [len(tokens)], "checksum": [checksum(tokens)]}

    def encode(self) -> list:
        return self.tokenizer.encode(self.text, add_special_tokens=False).ids

    def iterate(self) -> None:
        self.encode()
