"""Builds the models, waits until the test has hardened them, and tries them in every loader of Python. One process, because importing
TensorFlow takes longer than all the rest. Reads one line of JSON ({"hardened": folder}), writes lines of JSON; anything else is TensorFlow's."""
import base64
import json
import os
import sys
import time

os.environ.update({"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "TF_ENABLE_ONEDNN_OPTS": "0"})

import numpy as np
import tensorflow as tf

import asserted
import build_models
import cases
import loaders
import special


def say(**message):
    print("@" + json.dumps(message), flush=True)


def equal(a, b):
    """Bit for bit, NaN and the sign of zero included."""
    if a.keys() != b.keys():
        return False
    return all(a[key].dtype == b[key].dtype and a[key].shape == b[key].shape and content(a[key]) == content(b[key]) for key in a)


def content(array):
    return array.tolist() if array.dtype == object else array.tobytes()


def encoded(feeds):
    """Inputs for the test, which tries the C++ loader with them."""
    return {
        key: {"shape": list(value.shape), "type": tf.as_dtype(value.dtype).name, "strings": [base64.b64encode(item).decode() for item in value.ravel()]}
        if value.dtype == object
        else {"shape": list(value.shape), "type": tf.as_dtype(value.dtype).name, "bytes": base64.b64encode(value.tobytes()).decode()}
        for key, value in feeds.items()
    }


def refusal(model, feeds):
    try:
        model.run(feeds)
    except Exception as error:  # whatever a loader throws: its text is what counts
        return str(error)
    return ""


def same(before, after, feeds):
    """A good input that is refused is not the same; what the original cannot do is a mistake of these tests."""
    wanted = before.run(feeds)
    try:
        return bool(equal(wanted, after.run(feeds)))
    except Exception:
        return False


def try_case(case, originals, hardened):
    for name, load in loaders.LOADERS.items():
        if name in case.get("without", []):
            continue
        where = {"model": case["model"], "signature": case["signature"], "loader": name}
        try:
            before, after = load(os.path.join(originals, case["model"]), case["signature"]), load(os.path.join(hardened, case["model"]), case["signature"])
        except LookupError:
            continue
        good = [same(before, after, feeds) for feeds in case["good"]]
        bad = [{"name": bad, "rule": rule, "text": refusal(after, feeds)[:2000]} for bad, (rule, feeds) in case["bad"].items()]
        again = [same(before, after, feeds) for feeds in case["good"]]
        say(kind="case", **where, good=good, bad=bad, again=again)


def main(folder):
    started = time.time()
    build_models.build_all(folder)
    feeds = [
        {
            "model": case["model"],
            "signature": case["signature"],
            "cpp": "cpp" not in case.get("without", []),
            "good": [encoded(feeds) for feeds in case["good"]],
            "bad": [{"name": name, "rule": rule, "feeds": encoded(feeds)} for name, (rule, feeds) in case["bad"].items()],
        }
        for case in cases.all_cases()
    ]
    say(kind="built", seconds=time.time() - started, cases=feeds)
    hardened = json.loads(sys.stdin.readline())
    for case in cases.all_cases():
        try_case(case, folder, hardened["hardened"])
    for tries in (special, asserted):
        for name, facts in tries.try_all(folder, hardened):
            say(kind="special", name=name, **facts)
    say(kind="end", seconds=time.time() - started)


main(sys.argv[1])
