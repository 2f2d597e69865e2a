# SPDX-License-Identifier: Apache-2.0
"""The tiny llama-architecture model: its shape, its forward pass in JAX and its GGUF export."""

import gguf
import jax
import jax.numpy as jnp
import numpy as np

DIM, LAYERS, HEADS, HEAD_DIM, FF, VOCAB = 192, 4, 3, 64, 512, 1536
CONTEXT = 2048  # what the file declares; training windows are shorter
ROPE_BASE, EPS = 10000.0, 1e-5
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]  # token ids 0, 1, 2
LORA_RANK, LORA_ALPHA = 8, 16.0

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + (message['content'] or '') + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

# name in our parameter tree -> (name in the GGUF file, output size, input size)
MATRICES = {
    "q": ("attn_q", DIM, DIM), "k": ("attn_k", DIM, DIM), "v": ("attn_v", DIM, DIM), "o": ("attn_output", DIM, DIM),
    "gate": ("ffn_gate", FF, DIM), "up": ("ffn_up", FF, DIM), "down": ("ffn_down", DIM, FF),
}
LORA_TARGETS = ("q", "v", "o", "gate", "up", "down")


def init(seed):
    """Random weights; every layer's matrices are stacked along the first axis."""
    rng = np.random.default_rng(seed)
    params = {"embed": rng.normal(0, 0.02, (VOCAB, DIM)), "norm": np.ones(DIM),
              "attn_norm": np.ones((LAYERS, DIM)), "ffn_norm": np.ones((LAYERS, DIM))}
    for name, (_, out, inp) in MATRICES.items():
        scale = 0.02 / np.sqrt(2 * LAYERS) if name in ("o", "down") else inp ** -0.5
        params[name] = rng.normal(0, scale, (LAYERS, out, inp))
    return {k: jnp.asarray(v, jnp.float32) for k, v in params.items()}


def init_lora(seed):
    """Low-rank pairs A (rank x in) and B (out x rank); B starts at zero, so the adapter starts as a no-op."""
    rng = np.random.default_rng(seed)
    lora = {}
    for name in LORA_TARGETS:
        _, out, inp = MATRICES[name]
        lora[name + ".a"] = jnp.asarray(rng.normal(0, inp ** -0.5, (LAYERS, LORA_RANK, inp)), jnp.float32)
        lora[name + ".b"] = jnp.zeros((LAYERS, out, LORA_RANK), jnp.float32)
    return lora


def merge(params, lora):
    """The base weights with the adapter added at scale 1."""
    merged = dict(params)
    for name in LORA_TARGETS:
        merged[name] = params[name] + (LORA_ALPHA / LORA_RANK) * lora[name + ".b"] @ lora[name + ".a"]
    return merged


def _norm(x, weight):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + EPS) * weight


def _rope(x, cos, sin):
    """Rotates adjacent pairs, which is the engine's own order for this architecture: no permutation at export."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return jnp.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)


def forward(params, tokens):
    """Logits for a batch of token windows."""
    batch, length = tokens.shape
    angle = np.arange(length)[:, None] * ROPE_BASE ** (-np.arange(0, HEAD_DIM, 2) / HEAD_DIM)
    cos, sin = (jnp.asarray(f(angle)[None, :, None, :], jnp.float32) for f in (np.cos, np.sin))
    mask = jnp.asarray(np.where(np.tril(np.ones((length, length))), 0.0, -1e9), jnp.float32)
    x = params["embed"][tokens]
    for i in range(LAYERS):
        h = _norm(x, params["attn_norm"][i])
        q, k, v = ((h @ params[n][i].T).reshape(batch, length, HEADS, HEAD_DIM) for n in "qkv")
        scores = jnp.einsum("bqhd,bkhd->bhqk", _rope(q, cos, sin), _rope(k, cos, sin)) * HEAD_DIM ** -0.5 + mask
        mixed = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, -1), v).reshape(batch, length, DIM)
        x = x + mixed @ params["o"][i].T
        h = _norm(x, params["ffn_norm"][i])
        x = x + (jax.nn.silu(h @ params["gate"][i].T) * (h @ params["up"][i].T)) @ params["down"][i].T
    return _norm(x, params["norm"]) @ params["embed"].T


def _describe(writer, name, description):
    writer.add_name(name)
    writer.add_description(description)
    writer.add_author("The Sovereign Mesh authors")
    writer.add_license("Apache-2.0")
    writer.add_languages(["en"])


def write_gguf(path, params, vocab, merges):
    """Writes the model as q8_0 (norms stay f32) with its tokenizer and its chat template."""
    w = gguf.GGUFWriter(path, "llama")
    _describe(w, "sovmesh-tiny", "A 2 M parameter chat model for tests and demonstrations of Sovereign Mesh")
    w.add_size_label("2M")
    w.add_basename("sovmesh-tiny")
    w.add_tags(["text-generation", "chat", "test"])
    w.add_context_length(CONTEXT)
    w.add_embedding_length(DIM)
    w.add_block_count(LAYERS)
    w.add_feed_forward_length(FF)
    w.add_head_count(HEADS)
    w.add_head_count_kv(HEADS)
    w.add_rope_dimension_count(HEAD_DIM)
    w.add_rope_freq_base(ROPE_BASE)
    w.add_layer_norm_rms_eps(EPS)
    w.add_vocab_size(VOCAB)
    w.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(vocab)
    w.add_token_types([gguf.TokenType.CONTROL if t in SPECIALS else gguf.TokenType.NORMAL for t in vocab])
    w.add_token_merges(merges)
    w.add_bos_token_id(0)
    w.add_pad_token_id(0)
    w.add_eos_token_id(2)
    w.add_eot_token_id(2)
    w.add_add_bos_token(False)
    w.add_add_eos_token(False)
    w.add_chat_template(CHAT_TEMPLATE)

    def add_q8(name, value):
        data = gguf.quants.quantize(np.asarray(value, np.float32), gguf.GGMLQuantizationType.Q8_0)
        w.add_tensor(name, data, raw_dtype=gguf.GGMLQuantizationType.Q8_0)

    add_q8("token_embd.weight", params["embed"])
    w.add_tensor("output_norm.weight", np.asarray(params["norm"], np.float32))
    for i in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            w.add_tensor(f"blk.{i}.{norm}.weight", np.asarray(params[norm][i], np.float32))
        for name, (file_name, _, _) in MATRICES.items():
            add_q8(f"blk.{i}.{file_name}.weight", params[name][i])
    _finish(w)


def read_gguf(path):
    """The weights (as the engine sees them), the token list and the merges of a file that write_gguf wrote."""
    reader = gguf.GGUFReader(path)
    tensors = {t.name: gguf.quants.dequantize(t.data, t.tensor_type) for t in reader.tensors}
    params = {"embed": tensors["token_embd.weight"], "norm": tensors["output_norm.weight"]}
    for name, file_name in [("attn_norm",) * 2, ("ffn_norm",) * 2] + [(n, m[0]) for n, m in MATRICES.items()]:
        params[name] = np.stack([tensors[f"blk.{i}.{file_name}.weight"] for i in range(LAYERS)])
    strings = [reader.get_field("tokenizer.ggml." + key).contents() for key in ("tokens", "merges")]
    return {k: jnp.asarray(v, jnp.float32) for k, v in params.items()}, *strings


def write_lora(path, lora):
    """Writes the adapter in f16."""
    w = gguf.GGUFWriter(path, "llama")
    _describe(w, "sovmesh-tiny-pirate", "A LoRA adapter for sovmesh-tiny that answers like a pirate")
    w.add_type("adapter")
    w.add_string("adapter.type", "lora")
    w.add_float32("adapter.lora.alpha", LORA_ALPHA)
    w.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for i in range(LAYERS):
        for name in LORA_TARGETS:
            for part in "ab":
                value = np.asarray(lora[f"{name}.{part}"][i], np.float16)
                w.add_tensor(f"blk.{i}.{MATRICES[name][0]}.weight.lora_{part}", value)
    _finish(w)


def _finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
