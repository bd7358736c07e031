"""The assertions that `airlock contract export --python` writes, used as a model builder would: in a Keras model that is built and exported."""
import importlib.util
import os

import keras
import numpy as np
import tensorflow as tf

import cases
import loaders


def imported(path):
    spec = importlib.util.spec_from_file_location(os.path.basename(path)[:-3], path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def verdict(call, feeds):
    try:
        call(feeds)
    except (tf.errors.InvalidArgumentError, ValueError, TypeError) as error:
        # Before our text TensorFlow prints where in Python the operation was made, as long as the stack was.
        return str(error)[max(str(error).rfind("[airlock]"), 0) :][:2000]
    return ""


def in_keras(folder, module):
    """A layer that checks, in a functional model that is exported; then the exported model is called."""

    class Checked(keras.layers.Layer):
        def call(self, x):
            return module.check_inputs({"x": x})["x"]

    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,), name="x")
    hidden = keras.layers.Dense(8, activation="relu")(Checked()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax", name="p")(hidden))
    path = os.path.join(folder, "asserted")
    model.export(path, verbose=False)
    original = loaders.SignatureModel(os.path.join(folder, "keras_export"), "serving_default")
    facts = {"same": True, "refused": []}
    for name in ("session", "signatures"):
        exported = loaders.LOADERS[name](path, "serving_default")
        case = cases.matrix_case("x")
        for feeds in case["good"]:
            a, b = original.run(feeds), exported.run(feeds)
            facts["same"] = facts["same"] and all(a[key].tobytes() == b[key].tobytes() for key in a)
        for bad, (rule, feeds) in case["bad"].items():
            facts["refused"].append([f"{name} {bad}", rule, verdict(exported.run, feeds)])
    return facts


def eager_and_traced(modules):
    """Every case of the hardened models once more, eagerly and in a tf.function."""
    facts = []
    for case in cases.all_cases():
        path = os.path.join(modules, f"{case['model']}_{case['signature']}.py")
        module = imported(path)
        specs = lambda feeds: {key: tf.TensorSpec(None, tf.as_dtype(value.dtype)) for key, value in feeds.items()}
        # Both ways in which Keras and others trace; with autograph it takes 5 s for the fifty inputs of one model.
        traced = tf.function(module.check_inputs, input_signature=[specs(case["good"][0])], autograph=case["model"] != "types")
        for name, check in (("eager", module.check_inputs), ("traced", traced)):
            where = f"{case['model']} {case['signature']} {name}"
            tensors = lambda feeds: {key: tf.constant(value) for key, value in feeds.items()}
            for index, feeds in enumerate(case["good"]):
                result = check(tensors(feeds))
                same = all(np.array_equal(result[key].numpy(), value, equal_nan=value.dtype != object and value.dtype.kind == "f") for key, value in feeds.items())
                facts.append([where, "good", "same" if same else f"differs {index}"])
            for bad, (rule, feeds) in case["bad"].items():
                if rule.startswith("outputs/"):
                    continue  # check_inputs sees no outputs
                facts.append([f"{where} {bad}", rule, verdict(lambda feeds: check(tensors(feeds)), feeds)])
        wrong_type = {key: np.zeros((1,), np.complex64) for key in case["good"][0]}
        facts.append([f"{case['model']} type", "dtype", verdict(lambda feeds: module.check_inputs({key: tf.constant(value) for key, value in feeds.items()}), wrong_type)])
    return facts


def try_all(folder, hardened):
    yield "keras", {"facts": in_keras(folder, imported(os.path.join(hardened["modules"], "keras_export_serving_default.py")))}
    yield "modules", {"facts": eager_and_traced(hardened["modules"])}
