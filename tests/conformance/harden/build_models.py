"""Makes the models that the tests of `airlock harden` harden: each way in which TensorFlow writes a SavedModel, small and with fixed weights."""
import os

import keras
import numpy as np
import tensorflow as tf


def keras_export(folder):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,), name="x")
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax", name="p")(hidden))
    model.export(folder, verbose=False)


def keras_saved(folder):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,), name="x")
    tf.saved_model.save(keras.Model(inputs, keras.layers.Dense(2, activation="softmax", name="p")(inputs)), folder)


class Multi(tf.Module):
    """Two inputs, strings among them, and a body without state."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64, "ids"), tf.TensorSpec([None], tf.string, "name")])
    def score(self, ids, name):
        return {"y": tf.cast(ids, tf.float32) * 0.5, "n": tf.strings.lower(name)}


def multi(folder):
    module = Multi()
    tf.saved_model.save(module, folder, signatures={"serving_default": module.score})


class Compiled(tf.Module):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable(tf.reshape(tf.range(8, dtype=tf.float32), [4, 2]))

    @tf.function(jit_compile=True, input_signature=[tf.TensorSpec([None, 4], tf.float32, "x")])
    def f(self, x):
        return {"y": tf.matmul(x, self.w)}


def compiled(folder):
    module = Compiled()
    tf.saved_model.save(module, folder, signatures={"serving_default": module.f})


class Big(tf.Module):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable(tf.random.stateless_normal([1024, 1024], [1, 2]) * 0.01)

    @tf.function(input_signature=[tf.TensorSpec([None, 1024], tf.float32, "x")])
    def f(self, x):
        for _ in range(4):
            x = tf.nn.relu(tf.matmul(x, self.w))
        return {"y": x}


def big(folder):
    module = Big()
    tf.saved_model.save(module, folder, signatures={"serving_default": module.f})


class Counter(tf.Module):
    """Counts the calls of either input before it looks at anything: a check that comes too late is seen in the count."""

    def __init__(self):
        super().__init__()
        self.calls = tf.Variable(0, dtype=tf.int64)

    @tf.function(input_signature=[tf.TensorSpec([], tf.int64, "a"), tf.TensorSpec([], tf.int64, "b")])
    def f(self, a, b):
        self.calls.assign_add(a)
        return {"y": self.calls.read_value() + 0 * b}

    @tf.function(input_signature=[])
    def count(self):
        return {"calls": self.calls.read_value()}


def counter(folder):
    module = Counter()
    tf.saved_model.save(module, folder, signatures={"serving_default": module.f, "count": module.count})


class Dims(tf.Module):
    """Inputs whose sizes have to do with each other: [batch, seq] and [batch, 2*seq+1]."""

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "a"), tf.TensorSpec([None, None], tf.float32, "b")])
    def f(self, a, b):
        return {"y": tf.reduce_sum(a) + tf.reduce_sum(b)}


def dims(folder):
    module = Dims()
    tf.saved_model.save(module, folder, signatures={"serving_default": module.f})


class Rows(tf.Module):
    """Outputs whose sizes come from values: as many copies of the rows, and as many numbers, as the inputs say."""

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "x"), tf.TensorSpec([], tf.int64, "copies"), tf.TensorSpec([], tf.int64, "count")])
    def f(self, x, copies, count):
        return {"y": tf.tile(x, [copies, 1]), "z": tf.range(count)}


def rows(folder):
    module = Rows()
    tf.saved_model.save(module, folder, signatures={"serving_default": module.f})


def tf1_rows(folder):
    """The same as one graph."""
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        x = tf.compat.v1.placeholder(tf.float32, [None, None], "x")
        copies, count = (tf.compat.v1.placeholder(tf.int64, [], name) for name in ("copies", "count"))
        outputs = {"y": tf.tile(x, [copies, 1]), "z": tf.range(count)}
        tf.compat.v1.saved_model.simple_save(session, folder, {"x": x, "copies": copies, "count": count}, outputs)


NUMBERS = ["float16", "bfloat16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
STRINGS = ["length", "characters", "utf8", "ascii", "plain", "pattern", "word", "vocabulary", "bytes", "bidi"]


def types(folder):
    module = tf.Module()

    @tf.function(
        input_signature=[tf.TensorSpec([None], name, f"{name}_{kind}") for name in NUMBERS for kind in ("bounds", "strict", "allowed")]
        + [tf.TensorSpec([None], tf.string, name) for name in STRINGS]
        + [tf.TensorSpec([None], tf.float32, "nan_allowed"), tf.TensorSpec([None], tf.float32, "infinity_allowed")]
    )
    def f(*tensors):
        return {f"y{index}": tf.identity(tensor) for index, tensor in enumerate(tensors)}

    module.f = f
    tf.saved_model.save(module, folder, signatures={"serving_default": module.f})


def tf1(folder):
    """A graph of TensorFlow 1: no functions, no object graph."""
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        x = tf.compat.v1.placeholder(tf.float32, [None, 4], "x")
        w = tf.compat.v1.get_variable("w", initializer=np.arange(8, dtype=np.float32).reshape(4, 2), use_resource=True)
        y = tf.matmul(x, w, name="y")
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.saved_model.simple_save(session, folder, {"x": x}, {"y": y})


def tf1_shared(folder):
    """Two signatures that share the input x; only one of them has z, and whoever calls the other must not be asked for it."""
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        x = tf.compat.v1.placeholder(tf.float32, [None], "x")
        z = tf.compat.v1.placeholder(tf.float32, [None], "z")
        unused = tf.compat.v1.placeholder(tf.float32, [], "unused")
        double, total = tf.multiply(x, 2.0, "double"), tf.add(x, z, "total")
        saved = tf.compat.v1.saved_model
        signature = lambda inputs, outputs: saved.build_signature_def(
            {key: saved.build_tensor_info(value) for key, value in inputs.items()},
            {key: saved.build_tensor_info(value) for key, value in outputs.items()},
            "tensorflow/serving/predict",
        )
        builder = saved.Builder(folder)
        signatures = {"serving_default": signature({"x": x}, {"y": double}), "both": signature({"x": x, "z": z, "u": unused}, {"y": total}), "same": signature({"x": x}, {"same": x})}
        builder.add_meta_graph_and_variables(session, ["serve"], signature_def_map=signatures)
        builder.save()


BUILDERS = [keras_export, keras_saved, multi, compiled, big, counter, dims, types, rows, tf1, tf1_shared, tf1_rows]


def build_all(folder):
    for build in BUILDERS:
        build(os.path.join(folder, build.__name__))
