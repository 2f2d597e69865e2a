#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains sovmesh-tiny from nothing, on one CPU core, and writes both GGUF files next to this script.

  python3 train.py [--out DIR] [--steps N] [--lora-steps N] [--core N]
"""

import argparse
import json
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BATCH, WINDOW, PEAK_RATE = 4, 256, 2e-3
ASSISTANT, USER, TEMPLATE = 1.0, 0.1, 0.05  # loss weights


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--out", default=HERE)
    p.add_argument("--steps", type=int, default=3200)
    p.add_argument("--lora-steps", type=int, default=400)
    p.add_argument("--lora-rate", type=float, default=1e-3)
    p.add_argument("--lora-only", action="store_true", help="keep the model in DIR and train only the adapter")
    p.add_argument("--core", type=int, default=None, help="pin the training to this core")
    return p.parse_args()


ARGS = arguments() if __name__ == "__main__" else None
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
if ARGS and ARGS.core is not None:
    os.sched_setaffinity(0, {ARGS.core})

import jax  # noqa: E402  (after the thread settings)
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: E402

import chats  # noqa: E402
import model  # noqa: E402


def check_heldout(heldout):
    """The committed list is the one this data splits off; it is written when it is missing."""
    path = os.path.join(HERE, "heldout.json")
    if not os.path.exists(path):
        with open(path, "w") as f:
            f.write("[\n" + ",\n".join("  " + json.dumps(h) for h in heldout) + "\n]\n")
    with open(path) as f:
        assert json.load(f) == heldout, "heldout.json does not belong to this chats.py: delete it to write it anew"
    return {chats.normalise(h["question"]) for h in heldout}


def train_tokenizer(train):
    """Byte-level BPE; returns the tokenizer, its token list in id order and its merges."""
    rng = random.Random(chats.SEED + 1)
    texts = [text for _ in range(12000) for _, text in chats.sample_chat(rng, train)]
    texts += ["Arr! " + chats.pirate(text) for text in texts[:3000]] + ["system user assistant\n"] * 100
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=model.VOCAB, special_tokens=model.SPECIALS, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    state = json.loads(tok.to_str())["model"]
    vocab = sorted(state["vocab"], key=state["vocab"].get)
    assert len(vocab) == model.VOCAB and vocab[:3] == model.SPECIALS, len(vocab)
    return tok, vocab, [m if isinstance(m, str) else " ".join(m) for m in state["merges"]]


def build_tokenizer(vocab, merges):
    """The same tokenizer from the lists in a GGUF file."""
    tok = Tokenizer(models.BPE({t: i for i, t in enumerate(vocab)}, [tuple(m.split(" ")) for m in merges]))
    tok.add_special_tokens(model.SPECIALS)
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel()
    return tok


class Windows:
    """An endless stream of training windows: whole chats one after another, the last one cut off."""

    def __init__(self, tok, train, banned, seed, restyle=lambda answer: answer):
        self.tok, self.train, self.banned, self.restyle = tok, train, banned, restyle
        self.rng, self.cache = random.Random(seed), {}

    def ids(self, text):
        if text not in self.cache:
            self.cache[text] = self.tok.encode(text, add_special_tokens=False).ids
        return self.cache[text]

    def chat(self):
        tokens, weights = [], []

        def add(ids, weight):
            tokens.extend(ids)
            weights.extend([weight] * len(ids))

        for role, text in chats.sample_chat(self.rng, self.train, self.restyle):
            assert role != "user" or chats.normalise(text) not in self.banned, text
            add([1] + self.ids(role + "\n"), TEMPLATE)
            if role == "assistant":
                add(self.ids(text) + [2], ASSISTANT)
            else:
                add(self.ids(text), USER)
                add([2], TEMPLATE)
            add(self.ids("\n"), TEMPLATE)
        return tokens, weights

    def batch(self):
        tokens = np.zeros((BATCH, WINDOW + 1), np.int32)
        weights = np.zeros((BATCH, WINDOW + 1), np.float32)
        for row in range(BATCH):
            t, w = [], []
            while len(t) < WINDOW + 1:
                more = self.chat()
                t += more[0]
                w += more[1]
            tokens[row], weights[row] = t[:WINDOW + 1], w[:WINDOW + 1]
        return tokens, weights[:, 1:]


def loss_of(params, tokens, weights):
    logits = model.forward(params, tokens[:, :-1])
    losses = jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, tokens[:, 1:, None], -1)[..., 0]
    return jnp.sum(losses * weights) / jnp.sum(weights)


def fit(params, loss_fn, windows, steps, peak, decay, label):
    """AdamW with warm-up, a cosine to zero and the gradient clipped to norm 1."""
    def update(params, m, v, step, rate, tokens, weights):
        loss, grads = jax.value_and_grad(loss_fn)(params, tokens, weights)
        norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(grads)))
        grads = jax.tree.map(lambda g: g * jnp.minimum(1.0, 1.0 / (norm + 1e-9)), grads)
        m = jax.tree.map(lambda a, g: 0.9 * a + 0.1 * g, m, grads)
        v = jax.tree.map(lambda a, g: 0.98 * a + 0.02 * g * g, v, grads)

        def step_of(p, a, b):
            adam = (a / (1 - 0.9 ** step)) / (jnp.sqrt(b / (1 - 0.98 ** step)) + 1e-8)
            return p - rate * (adam + (decay * p if p.ndim == 3 else 0.0))

        return jax.tree.map(step_of, params, m, v), m, v, loss

    update = jax.jit(update, donate_argnums=(0, 1, 2))
    m, v = (jax.tree.map(jnp.zeros_like, params) for _ in range(2))
    warm, start, recent = min(100, steps // 10), time.process_time(), []
    for step in range(1, steps + 1):
        rate = peak * (step / warm if step < warm else 0.5 + 0.5 * np.cos(np.pi * (step - warm) / (steps - warm)))
        tokens, weights = windows.batch()
        params, m, v, loss = update(params, m, v, jnp.float32(step), jnp.float32(rate), tokens, weights)
        recent.append(float(loss))
        if step % 50 == 0 or step == steps:
            print(f"{label} step {step}/{steps} loss {np.mean(recent[-50:]):.4f} "
                  f"{(time.process_time() - start) / 60:.1f} CPU minutes", flush=True)
    return params


def train_model(train, banned, path):
    tok, vocab, merges = train_tokenizer(train)
    params = fit(model.init(chats.SEED), loss_of, Windows(tok, train, banned, chats.SEED + 2), ARGS.steps, PEAK_RATE, 0.05,
                 "model")
    model.write_gguf(path, params, vocab, merges)


def main():
    begin = time.process_time()
    train, heldout = chats.split()
    banned = check_heldout(heldout)
    seen = {chats.normalise(q) for groups in train.values() for items in groups for q, _ in items}
    assert not seen & banned, "a held-out question is in the training data"
    assert len(heldout) >= 100
    path = os.path.join(ARGS.out, "sovmesh-tiny.gguf")
    if not ARGS.lora_only:
        train_model(train, banned, path)
        print(f"sovmesh-tiny.gguf written after {(time.process_time() - begin) / 60:.1f} CPU minutes", flush=True)
    params, vocab, merges = model.read_gguf(path)  # the adapter learns on the rounded weights that the engine loads
    tok = build_tokenizer(vocab, merges)
    lora = fit(model.init_lora(chats.SEED + 3), lambda lora, t, w: loss_of(model.merge(params, lora), t, w),
               Windows(tok, train, banned, chats.SEED + 4, chats.pirate), ARGS.lora_steps, ARGS.lora_rate, 0.0, "pirate")
    model.write_lora(os.path.join(ARGS.out, "sovmesh-tiny-pirate.gguf"), lora)
    print(f"done: {(time.process_time() - begin) / 60:.1f} CPU minutes", flush=True)


if __name__ == "__main__":
    sys.exit(main())
