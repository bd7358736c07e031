"""SavedModels as TF1 and its estimators left them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from .build import export_v1, raw, scratch, v1
from .registry import Place, benign


def _v1(id, about, make):
    def build(place: Place):
        export_v1(place.path, lambda: make(place))

    build.__doc__ = about
    benign(id, "savedmodel")(build)


def _x():
    return v1.placeholder(tf.float32, [None, 4], "x")


def _dense(place, resource):
    x = _x()
    w = v1.get_variable("w", [4, 2], use_resource=resource)
    return {"x": x}, {
        "y": tf.nn.softmax(tf.matmul(x, w) + v1.get_variable("b", [2], use_resource=resource))
    }


_v1("b-tf1-ref-variables", "A dense network with reference variables.", lambda p: _dense(p, False))
_v1("b-tf1-resource-variables", "The same with resource variables.", lambda p: _dense(p, True))
_v1("b-tf1-partitioned", "Partitioned variables.", lambda p: _partitioned())
_v1(
    "b-tf1-parse-example",
    "An estimator's serving input: tf.Example, a vocabulary as an asset, an embedding, a classifier.",
    lambda p: _estimator(p),
)
_v1("b-tf1-loop", "A loop with frames, of ten steps.", lambda p: _loop())
_v1("b-tf1-rnn", "dynamic_rnn's loop over TensorArrays, with frames.", lambda p: _rnn())
_v1("b-tf1-cond", "A conditional by Switch and Merge.", lambda p: _cond())
_v1(
    "b-tf1-train",
    "A model that was saved together with its training: Adam, global step, summaries.",
    lambda p: _train(),
)
_v1("b-tf1-queue", "The remains of an input queue that no signature reaches.", lambda p: _queue())
_v1(
    "b-tf1-main-op",
    "An init operation that fills tables and assigns a variable.",
    lambda p: _main_op(),
)
_v1("b-tf1-image", "An image classifier: decode_jpeg, crop, resize_bilinear.", lambda p: _image())
_v1("b-tf1-summary-ops", "Merged summaries and an Assert.", lambda p: _summaries())


def _partitioned():
    x = _x()
    w = v1.get_variable("w", [4, 6], partitioner=v1.fixed_size_partitioner(2), use_resource=False)
    return {"x": x}, {"y": tf.matmul(x, tf.convert_to_tensor(w))}


def _estimator(place):
    folder = scratch(place.path)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "words.txt").write_text("a\nb\nc\n")
    serialized = v1.placeholder(tf.string, [None], "input_example_tensor")
    parsed = v1.io.parse_example(
        serialized,
        {
            "word": v1.io.FixedLenFeature([1], tf.string),
            "age": v1.io.FixedLenFeature([1], tf.float32, [0.0]),
        },
    )
    path = tf.constant(str(folder / "words.txt"))
    v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, path)
    table = raw.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name="words")
    fill = raw.InitializeTableFromTextFileV2(
        table_handle=table, filename=path, key_index=-2, value_index=-1
    )
    v1.add_to_collection(v1.GraphKeys.TABLE_INITIALIZERS, fill)
    found = raw.LookupTableFindV2(
        table_handle=table, keys=parsed["word"], default_value=tf.constant(-1, tf.int64)
    )
    embedded = tf.gather(v1.get_variable("e", [4, 3]), tf.maximum(found, 0))
    logits = tf.matmul(tf.concat([embedded[:, 0], parsed["age"]], 1), v1.get_variable("k", [4, 2]))
    signature = v1.saved_model.signature_def_utils.classification_signature_def(
        serialized, tf.as_string(tf.argmax(logits, 1))[:, None], tf.nn.softmax(logits)
    )
    return (
        {"examples": serialized},
        {"p": tf.nn.softmax(logits)},
        {
            "main_op": v1.tables_initializer(),
            "assets_collection": v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            "signatures": {"classification": signature},
        },
    )


def _frames(build):
    v1.disable_control_flow_v2()
    try:
        return build()
    finally:
        v1.enable_control_flow_v2()


def _loop():
    x = _x()
    return {"x": x}, {
        "y": _frames(
            lambda: v1.while_loop(
                lambda i, v: tf.less(i, 10),
                lambda i, v: (i + 1, v * 0.5 + 1.0),
                [tf.constant(0), x],
            )[1]
        )
    }


def _rnn():
    x = v1.placeholder(tf.float32, [None, None, 3], "x")
    w = v1.get_variable("w", [7, 4])

    def build():
        steps = tf.shape(x)[1]
        cells = tf.TensorArray(tf.float32, steps).unstack(tf.transpose(x, [1, 0, 2]))
        out = tf.TensorArray(tf.float32, steps)
        state = tf.zeros([tf.shape(x)[0], 4])

        def body(t, s, o):
            s = tf.tanh(tf.matmul(tf.concat([cells.read(t), s], 1), w))
            return t + 1, s, o.write(t, s)

        return v1.while_loop(lambda t, s, o: t < steps, body, [0, state, out])[2].stack()

    return {"x": x}, {"y": _frames(build)}


def _cond():
    x = _x()
    return {"x": x}, {
        "y": _frames(lambda: v1.cond(tf.reduce_sum(x) > 0, lambda: x * 2.0, lambda: x - 1.0))
    }


def _train():
    x, label = _x(), v1.placeholder(tf.float32, [None, 2], "label")
    y = tf.matmul(x, v1.get_variable("w", [4, 2]))
    loss = tf.reduce_mean(tf.square(y - label))
    v1.summary.scalar("loss", loss)
    v1.summary.merge_all()
    train = v1.train.AdamOptimizer(0.1).minimize(
        loss, global_step=v1.train.get_or_create_global_step()
    )
    v1.add_to_collection("train_op", train)
    return {"x": x}, {"y": y}


def _queue():
    x = _x()
    queue = tf.queue.FIFOQueue(10, [tf.float32], [[4]], name="input_queue")
    v1.add_to_collection("enqueue", queue.enqueue([tf.zeros([4])]))
    v1.add_to_collection("batch", queue.dequeue_many(2))
    return {"x": x}, {"y": x * v1.get_variable("w", [])}


def _main_op():
    x = v1.placeholder(tf.string, [None], "s")
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([1, 2], tf.int64)), -1
    )
    seen = v1.get_variable("seen", initializer=0, use_resource=True)
    return (
        {"s": x},
        {"y": table.lookup(x)},
        {"main_op": tf.group(v1.tables_initializer(), seen.assign(1))},
    )


def _image():
    data = v1.placeholder(tf.string, [None], "image_bytes")

    def one(content):
        image = tf.cast(tf.io.decode_jpeg(content, channels=3), tf.float32)
        return v1.image.resize_bilinear(tf.image.central_crop(image, 0.875)[None], [64, 64])[0]

    images = tf.map_fn(one, data, fn_output_signature=tf.float32)
    kernel = v1.get_variable(
        "k", initializer=np.random.default_rng(0).normal(size=[3, 3, 3, 4]).astype(np.float32)
    )
    return {"bytes": data}, {
        "p": tf.nn.softmax(tf.reduce_mean(tf.nn.conv2d(images, kernel, 2, "SAME"), [1, 2]))
    }


def _summaries():
    x = _x()
    with tf.control_dependencies(
        [
            v1.Assert(tf.reduce_all(tf.shape(x) > 0), [tf.shape(x)]),
            v1.Print(x, [tf.shape(x)], "shape"),
        ]
    ):
        y = tf.identity(x) * v1.get_variable("w", [])
    v1.summary.histogram("y", y)
    return {"x": x}, {"y": y, "summary": v1.summary.merge_all()}


@benign("b-tf1-two-metagraphs", "savedmodel")
def _(place: Place):
    """Two MetaGraphs, for serving and for training, over the same variables."""
    builder = v1.saved_model.Builder(str(place.path))
    for tags in (["serve"], ["train"]):
        with tf.Graph().as_default(), v1.Session() as session:
            x = _x()
            y = x * v1.get_variable("w", initializer=2.0, use_resource=True)
            session.run(v1.global_variables_initializer())
            signature = {
                "serving_default": v1.saved_model.signature_def_utils.predict_signature_def(
                    {"x": x}, {"y": y}
                )
            }
            if tags == ["serve"]:
                builder.add_meta_graph_and_variables(session, tags, signature)
            else:
                builder.add_meta_graph(tags, signature)
    builder.save()
