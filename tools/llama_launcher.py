#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the llama.cpp server compiled into the xllamacpp wheel, in the foreground, with llama-server's own flag names.

  llama_launcher.py -m model.gguf --host /run/engine.sock -c 4096 -np 4 -t 1 --metrics

A --host that ends in .sock is a unix socket. A flag that is not listed here is an error (exit 2), never ignored.
"""
import argparse
import os
import signal
import sys

# A package of ours brings the engine along in the folder beside this file.
_BESIDE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "engine")
if os.path.isdir(_BESIDE):
    sys.path.insert(0, _BESIDE)
import xllamacpp as x  # noqa: E402


def flags():
    p = argparse.ArgumentParser(prog="llama_launcher", allow_abbrev=False)
    p.add_argument("-m", "--model", required=True)
    p.add_argument("-a", "--alias")
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, default=8080)
    p.add_argument("-t", "--threads", type=int)
    p.add_argument("-tb", "--threads-batch", type=int)
    p.add_argument("--lora", action="append", default=[], metavar="FILE")
    p.add_argument("--lora-scaled", action="append", default=[], metavar="FILE:SCALE,...")
    p.add_argument("--pooling", choices=["none", "mean", "cls", "last", "rank"])
    p.add_argument("--log-disable", action="store_true")
    # The rest are plain attributes of the engine's parameters: flag, attribute, value (a type, or what the flag sets).
    for names, attribute, value in [
            ("-c --ctx-size", "n_ctx", int), ("-np --parallel", "n_parallel", int), ("-n --n-predict", "n_predict", int),
            ("-b --batch-size", "n_batch", int), ("-ub --ubatch-size", "n_ubatch", int),
            ("-ngl --gpu-layers", "n_gpu_layers", int), ("--cache-ram", "cache_ram_mib", int),
            ("--sse-ping-interval", "sse_ping_interval", int), ("--threads-http", "n_threads_http", int),
            ("--slot-save-path", "slot_save_path", str), ("--chat-template", "chat_template", str),
            ("--api-prefix", "api_prefix", str), ("-lv --verbosity", "verbosity", int), ("-to --timeout", "timeout_read", int),
            ("--metrics", "endpoint_metrics", True), ("--embeddings --embedding", "embedding", True),
            ("--jinja", "use_jinja", True), ("--slots", "endpoint_slots", True), ("--no-slots", "endpoint_slots", False),
            ("--props", "endpoint_props", True), ("--offline", "offline", True), ("-kvu --kv-unified", "kv_unified", True),
            ("--no-warmup", "warmup", False), ("--no-cache-prompt", "cache_prompt", False),
            ("--context-shift", "ctx_shift", True), ("--no-ui --no-webui", "ui", False)]:
        kind = {"action": "store_const", "const": value} if isinstance(value, bool) else {"type": value, "metavar": "X"}
        p.add_argument(*names.split(), dest="attr_" + attribute, **kind)
    return p.parse_args()


def main():
    args = flags()
    p = x.CommonParams()
    p.model.path, p.hostnames, p.port, p.ui = args.model, [args.host], args.port, False
    for name, value in vars(args).items():
        if name.startswith("attr_") and value is not None:
            setattr(p, name[5:], value)
    if args.alias:
        p.model_alias = set(args.alias.split(","))
    if args.threads:
        p.cpuparams.n_threads = args.threads
    p.cpuparams_batch.n_threads = args.threads_batch or args.threads or -1
    if args.pooling:
        p.pooling_type = getattr(x.llama_pooling_type, "LLAMA_POOLING_TYPE_" + args.pooling.upper())
    if args.log_disable:
        p.verbosity = -1
    adapters = [(f, 1.0) for f in args.lora]
    for item in ",".join(args.lora_scaled).split(",") if args.lora_scaled else []:
        f, _, scale = item.rpartition(":")
        adapters.append((f, float(scale)))
    p.lora_adapters = [x.CommonAdapterLoraInfo(f, s) for f, s in adapters]

    # While the model loads, SIGTERM and SIGINT keep their default action (the engine holds Python's lock, so no
    # handler could run). Afterwards they wake the pipe below: the process leaves at once with status 0 and cuts
    # whatever still streams, so drain before you send one.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        server = x.Server(p)  # returns when the model is loaded and /health says ok; serves until it is destroyed
    except RuntimeError as e:
        sys.exit(f"llama_launcher: {e}")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for s in (signal.SIGTERM, signal.SIGINT):
        signal.signal(s, lambda *_: None)
    os.read(reader, 1)
    if server and args.host.endswith(".sock"):
        os.unlink(args.host)
    os._exit(0)


if __name__ == "__main__":
    main()
