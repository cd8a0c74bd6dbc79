"""GRPO steps of TRL's trainer, one at a time: its own loop runs in a thread and is held between steps."""

import queue
import threading
import time

import torch
from datasets import Dataset
from transformers import AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

import pretrained

# So many rows that the trainer's data loader hardly ever starts again.
PASSES = 4096


class Held(TrainerCallback):
    """Holds the trainer before its first step and after each one, until it may go on."""

    def __init__(self) -> None:
        self.permits, self.ends = threading.Semaphore(0), queue.Queue()

    def on_train_begin(self, args, state, control, **_) -> None:
        self.permits.acquire()

    def on_step_end(self, args, state, control, **_) -> None:
        self.ends.put(None)
        self.permits.acquire()


def configuration(work: dict, folder: str) -> GRPOConfig:
    """TRL's settings for the given work; what is not named is TRL's default."""
    completions = work["prompts"] * work["groupSize"]
    return GRPOConfig(
        output_dir=folder,
        per_device_train_batch_size=completions,
        steps_per_generation=1,
        gradient_accumulation_steps=1,
        num_generations=work["groupSize"],
        max_completion_length=work["newTokens"],
        max_steps=1_000_000,
        learning_rate=work["learningRate"],
        lr_scheduler_type="constant",
        weight_decay=work["weightDecay"],
        max_grad_norm=work["maxGradNorm"],
        optim="adamw_torch_fused",
        temperature=1.0,
        beta=0.0,
        num_iterations=1,
        epsilon=work["clipRange"],
        loss_type="dapo",
        scale_rewards="group",
        shuffle_dataset=False,
        gradient_checkpointing=False,
        use_cpu=True,
        bf16=False,
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


class Job:
    """A step: sample, reward, one update. The first one, for the check, takes the given completions."""

    def __init__(self, given: dict, options: dict, bare: bool) -> None:
        work, letter = given["work"], given["work"]["letter"]
        tokenizer = AutoTokenizer.from_pretrained(given["folder"])
        # The end is a token that the model does not have, so that all completions have their full length.
        tokenizer.add_special_tokens({"eos_token": "<|never|>"})
        self.model = pretrained.load(given["folder"])
        self.model.generation_config.eos_token_id = None
        self.held = Held()
        self.trainer = GRPOTrainer(
            model=self.model,
            reward_funcs=lambda completions, **_: [float(text.count(letter)) for text in completions],
            args=configuration(work, given["folder"]),
            train_dataset=Dataset.from_dict({"prompt": given["prompts"] * PASSES}),
            processing_class=tokenizer,
            callbacks=[self.held],
        )
        self.thread = threading.Thread(target=self.train, daemon=True)
        self.thread.start()
        self.check, self.first_ms = {}, 0.0
        if not bare:
            self.compare(given, work)

    def train(self) -> None:
        try:
            self.trainer.train()
            self.held.ends.put(RuntimeError("TRL's trainer came to its end"))
        except Exception as error:  # told to whoever waits for the step
            self.held.ends.put(error)

    def compare(self, given: dict, work: dict) -> None:
        """One step of the trainer on the given completions, and what it did to their log-probabilities."""
        completions = torch.tensor(given["completions"])

        def replay(input_ids: torch.Tensor, **_) -> torch.Tensor:
            return torch.cat([input_ids, completions], 1)

        prompts = torch.tensor(given["promptTokens"]).repeat_interleave(work["groupSize"], 0)
        tokens = torch.cat([prompts, completions], 1)
        before = pretrained.log_probs(self.model, tokens, work["newTokens"])
        self.model.generate = replay
        start = time.perf_counter()
        self.iterate()
        self.first_ms = (time.perf_counter() - start) * 1000
        del self.model.generate
        after = pretrained.log_probs(self.model, tokens, work["newTokens"])
        metrics = self.trainer._metrics["train"]
        self.check = {
            "logProbs": before.flatten().tolist(),
            "logProbsAfterStep": after.flatten().tolist(),
            "entropy": metrics["entropy"][-1:],
            "reward": metrics["reward"][-1:],
        }

    def iterate(self) -> None:
        self.held.permits.release()
        error = self.held.ends.get()
        if error is not None:
            raise error
