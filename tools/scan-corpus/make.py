"""Generates the corpus that measures the scanner: attacks and benign models of every format.

    .airlock/tensorflow-venv/bin/python tools/scan-corpus/make.py [--out DIR] [--canary DIR] [--only TEXT]

With --write-expectations the list beside this file is written anew. What a scanner must say about each artefact
stands there; the artefacts themselves are never committed. They are attacks: load them nowhere but in fires.py.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import time
import traceback
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from corpus.registry import DEFAULT_CANARY, REGISTRY, Place  # noqa: E402

MODULES = (
    "file_reads",
    "file_reads_hidden",
    "file_writes",
    "code",
    "network",
    "hangs",
    "memory",
    "malformed",
    "paths",
    "graphs",
    "checkpoints",
    "keras_attacks",
    "h5_attacks",
    "tflite_attacks",
    "tfjs_attacks",
    "archives",
    "benign_saved_models",
    "benign_tf1",
    "benign_keras",
    "benign_others",
    "second_wave",
    "second_wave_benign",
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=HERE.parents[1] / ".airlock" / "scan-corpus")
    parser.add_argument(
        "--canary", default=DEFAULT_CANARY, help="folder that the attacks read and write"
    )
    parser.add_argument("--only", help="artefacts whose id contains this")
    parser.add_argument("--ids", help="exactly these artefacts, with commas between")
    parser.add_argument("--write-expectations", action="store_true")
    options = parser.parse_args()

    options.out.mkdir(parents=True, exist_ok=True)
    # What TensorFlow, its converter and Python warn of on the way says nothing about the corpus.
    log = os.open(options.out / "make.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 2)
    load_modules()
    if options.write_expectations:
        write_expectations()
    failed = generate(options)
    return 1 if failed else 0


def load_modules() -> None:
    import importlib

    for module in MODULES:
        importlib.import_module(f"corpus.{module}")


def write_expectations() -> None:
    entries = [artefact.expectation() for artefact in REGISTRY.values()]
    text = ",\n".join(json.dumps(entry, ensure_ascii=True) for entry in entries)
    (HERE / "expectations.json").write_text(f"[\n{text}\n]\n")


def generate(options) -> int:
    started = time.monotonic()
    wanted = [a for a in REGISTRY.values() if not options.only or options.only in a.id]
    if options.ids:
        wanted = [REGISTRY[id] for id in options.ids.split(",")]
    failed = 0
    for artefact in wanted:
        path = options.out / artefact.path
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in (path, path.parent / f".scratch-{path.name}"):
            if old.is_dir() and not old.is_symlink():
                shutil.rmtree(old)
            else:
                old.unlink(missing_ok=True)
        seed()
        began = time.monotonic()
        try:
            artefact.build(Place(path, options.canary))
            assert path.exists() or path.is_symlink(), "made nothing"
        except Exception:  # noqa: BLE001 - the others are still to be made
            failed += 1
            print(f"FAILED {artefact.id}: {traceback.format_exc(limit=-4)}", flush=True)
        shutil.rmtree(path.parent / f".scratch-{path.name}", ignore_errors=True)
        if time.monotonic() - began > 4:
            print(f"slow: {artefact.id} {time.monotonic() - began:.1f} s", flush=True)
    attacks = sum(a.kind == "attack" for a in wanted)
    print(
        f"{attacks} attacks, {len(wanted) - attacks} benign, {failed} failed, {time.monotonic() - started:.0f} s"
    )
    return failed


def seed() -> None:
    import keras
    import numpy as np
    import tensorflow as tf

    random.seed(7)
    np.random.seed(7)
    tf.random.set_seed(7)
    keras.utils.set_random_seed(7)
    keras.backend.clear_session(free_memory=False)


if __name__ == "__main__":
    sys.exit(main())
