"""What is not a matter of one input and one answer: side effects, poison, and the settings that take assertions out."""
import os

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2

import loaders

HIGH = {"x": np.array([[0, 1, 2, 11]], np.float32)}
NAN = {"x": np.array([[0, 1, 2, np.nan]], np.float32)}
FINE = {"x": np.array([[0, 1, 2, 3]], np.float32)}


def outcome(model, feeds):
    try:
        result = model.run(feeds)
    except Exception as error:
        return "refused" if "[airlock]" in str(error) else f"failed: {str(error)[:200]}"
    return "nan" if all(np.isnan(value).all() for value in result.values()) else "passed"


def stripped_config():
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.debug_stripper = rewriter_config_pb2.RewriterConfig.ON
    return config


def side_effects(folder, hardened):
    """A refused call must not have changed the model, whichever of its inputs was bad."""
    value = lambda number: np.array(number, np.int64)
    facts = {}
    for name in ("session", "signatures"):
        model = loaders.LOADERS[name](os.path.join(hardened["hardened"], "counter"), "serving_default")
        counts = []
        for a, b in ((1, 1), (1, 11), (11, 1), (1, 11), (2, 1)):
            try:
                counts.append(int(model.run({"a": value(a), "b": value(b)})["y"]))
            except Exception:
                counts.append(None)
        facts[name] = counts
    return facts


def without_assertions(folder, hardened):
    facts = {}
    for kind in ("hardened", "poisoned"):
        path = os.path.join(hardened[kind], "keras_export")
        session = loaders.SessionModel(path, "serving_default", stripped_config())
        facts[f"{kind} debug_stripper"] = [outcome(session, feeds) for feeds in (HIGH, NAN, FINE)]
        module = tf.saved_model.load(path)
        compiled = tf.function(module.serve, jit_compile=True)

        class Caller:
            def run(self, feeds):
                return {"y": compiled(tf.constant(feeds["x"])).numpy()}

        facts[f"{kind} caller compiles"] = [outcome(Caller(), feeds) for feeds in (HIGH, NAN, FINE)]
    return facts


def tflite(folder, hardened):
    facts = {}
    for kind in ("hardened", "poisoned"):
        path = os.path.join(hardened[kind], "keras_export")
        converter = tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=["serving_default"])
        runner = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner("serving_default")

        class Lite:
            def run(self, feeds):
                return runner(**feeds)

        facts[kind] = [outcome(Lite(), feeds) for feeds in (HIGH, NAN, FINE)]
    return facts


def poisoned(folder, hardened):
    """With its assertions in place, a poisoned model refuses as any other, and gives the same on good input."""
    facts = {}
    for name, load in loaders.LOADERS.items():
        before = load(os.path.join(folder, "keras_export"), "serving_default")
        after = load(os.path.join(hardened["poisoned"], "keras_export"), "serving_default")
        a, b = before.run(FINE), after.run(FINE)
        same = all(a[key].tobytes() == b[key].tobytes() for key in a)
        facts[name] = [outcome(after, HIGH), outcome(after, NAN), "same" if same else "differs"]
    return facts


def outputs(folder, hardened):
    """A contract for the output: probabilities of at most 0.6."""
    facts = {}
    for name, load in loaders.LOADERS.items():
        model = load(os.path.join(hardened["outputs"], "keras_export"), "serving_default")
        facts[name] = [outcome(model, {"x": np.zeros((1, 4), np.float32)}), outcome(model, {"x": np.array([[10, -10, 10, -10]], np.float32)})]
    return facts


def patterns(folder, hardened):
    """Those that TensorFlow cannot compile: a model with one answers nothing."""
    failed = []
    for pattern in hardened["patterns"]:
        try:
            tf.strings.regex_full_match(tf.constant([], tf.string), pattern)
        except tf.errors.InvalidArgumentError as error:
            failed.append(f"{pattern}: {error}")
    return failed


def try_all(folder, hardened):
    for check in (side_effects, without_assertions, tflite, poisoned, outputs, patterns):
        yield check.__name__, {"facts": check(folder, hardened)}
