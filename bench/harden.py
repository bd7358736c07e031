"""What the checks inside a graph cost: one model without and with them (and with poison), called in turn in one process, because a run after
the other differs by more than the effect. Run it after `npm run build` and `npm test` (which installs TensorFlow) on an idle machine:

    .airlock/tensorflow-venv/bin/python3 bench/harden.py [--json FILE] [--seconds 3]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

os.environ.update({"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""})
root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
conformance = os.path.join(root, "tests", "conformance", "harden")
sys.path.insert(0, conformance)

import numpy as np
import tensorflow as tf

import build_models
import loaders

CASES = [("keras_export", (1, 4)), ("keras_export", (100, 4)), ("big", (1, 1024)), ("big", (256, 1024))]
KINDS = {"original": None, "hardened": [], "poisoned": ["--poison"]}


def harden(folder, name):
    paths = {"original": os.path.join(folder, name)}
    for kind, flags in KINDS.items():
        if flags is None:
            continue
        paths[kind] = os.path.join(folder, f"{name}_{kind}")
        contract = os.path.join(conformance, "contracts", f"{name}.yaml")
        command = ["node", os.path.join(root, "bin", "airlock.js"), "harden", paths["original"], "--contract", contract, "-o", paths[kind], *flags]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return paths


def calls_of(path, x):
    """A callable for each way to run a model, without what a loader does beside it."""
    session = loaders.SessionModel(path, "serving_default")
    with session.session.graph.as_default():
        run = session.session.make_callable([value.name for value in session.definition.outputs.values()], [session.definition.inputs["x"].name])
    model = tf.saved_model.load(path)
    function, tensor = model.signatures["serving_default"], tf.constant(x)
    return {"session": (lambda: run(x), session), "signature": (lambda: function(x=tensor), model)}


def measure(paths, shape, seconds):
    x = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    calls = {(api, kind): call for kind, path in paths.items() for api, call in calls_of(path, x).items()}
    times = {key: [] for key in calls}
    for call, _ in calls.values():
        for _ in range(20):
            call()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for key, (call, _) in calls.items():
            started = time.perf_counter()
            call()
            times[key].append((time.perf_counter() - started) * 1e6)
    return {f"{api} {kind}": {"p50Us": round(float(np.median(values)), 1), "p99Us": round(float(np.percentile(values, 99)), 1), "calls": len(values)} for (api, kind), values in times.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json")
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory(prefix="airlock-harden-bench-") as folder:
        models = {}
        for name, shape in CASES:
            if name not in models:
                getattr(build_models, name)(os.path.join(folder, name))
                models[name] = harden(folder, name)
            figures = measure(models[name], shape, options.seconds)
            results.append({"model": name, "shape": list(shape), **figures})
            for api in ("session", "signature"):
                base = figures[f"{api} original"]["p50Us"]
                more = [f"{kind} {figures[f'{api} {kind}']['p50Us'] - base:+.0f} us ({100 * (figures[f'{api} {kind}']['p50Us'] / base - 1):+.1f} %)" for kind in ("hardened", "poisoned")]
                print(f"{name} {list(shape)} {api}: original {base:.0f} us, {', '.join(more)}", flush=True)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(results, file, indent=2)


main()
