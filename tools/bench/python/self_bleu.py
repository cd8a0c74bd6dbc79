"""Self-BLEU of lists of words: NLTK and sacreBLEU a completion an iteration, fast-bleu all of them."""

import time

import fast_bleu
import sacrebleu
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

UNIFORM = (0.25, 0.25, 0.25, 0.25)


class Nltk:
    def __init__(self, texts: list[list[str]]) -> None:
        self.texts = texts
        self.smoothing = SmoothingFunction().method1

    def score(self, i: int) -> float:
        return sentence_bleu(self.texts[:i] + self.texts[i + 1 :], self.texts[i], UNIFORM, self.smoothing)


class SacreBleu:
    def __init__(self, texts: list[list[str]]) -> None:
        self.texts = [" ".join(text) for text in texts]
        self.bleu = sacrebleu.BLEU(effective_order=True, tokenize="none", smooth_method="floor", smooth_value=0.1)

    def score(self, i: int) -> float:
        return self.bleu.sentence_score(self.texts[i], self.texts[:i] + self.texts[i + 1 :]).score / 100


class FastBleu:
    def __init__(self, texts: list[list[str]]) -> None:
        self.texts = texts

    def all(self) -> list[float]:
        return fast_bleu.SelfBLEU(self.texts, {"4": UNIFORM}).get_score()["4"]


class Job:
    """`library` says whose."""

    def __init__(self, given: dict, options: dict, bare: bool) -> None:
        self.library = {"nltk": Nltk, "sacrebleu": SacreBleu, "fast-bleu": FastBleu}[options["library"]](given["texts"])
        self.count = len(given["texts"])
        self.at = 0
        start = time.perf_counter()
        self.iterate()
        self.first_ms = (time.perf_counter() - start) * 1000
        compared = range(given["compared"])
        if isinstance(self.library, FastBleu):
            scores = self.library.all()
            self.check = {"scores": [scores[i] for i in compared]}
        else:
            self.check = {"scores": [self.library.score(i) for i in compared]}

    def iterate(self) -> None:
        if isinstance(self.library, FastBleu):
            self.library.all()
        else:
            self.library.score(self.at)
            self.at = (self.at + 1) % self.count
