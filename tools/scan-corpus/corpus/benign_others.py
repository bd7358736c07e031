"""TFLite models that nobody should be warned of, most of them through the real converter."""

from __future__ import annotations

import io
import zipfile

import keras
import numpy as np
import tensorflow as tf

from . import flatbuffer as fb
from .registry import Place, benign

L = keras.layers


def _lite(id, about, make):
    def build(place: Place):
        place.path.write_bytes(make())

    build.__doc__ = about
    benign(id, "tflite", ".tflite")(build)


def _image_network():
    return keras.Sequential(
        [
            keras.Input([16, 16, 3], batch_size=1),
            L.Conv2D(4, 3),
            L.DepthwiseConv2D(3),
            L.ReLU(6.0),
            L.MaxPooling2D(),
            L.GlobalAveragePooling2D(),
            L.Dense(3, "softmax"),
        ]
    )


SPEC = tf.TensorSpec([1, 16, 16, 3], tf.float32)


def _quantised():
    network = _image_network()
    random = np.random.default_rng(0)
    return fb.convert(
        lambda x: network(x),
        SPEC,
        optimise=True,
        data=lambda: ([random.normal(size=[1, 16, 16, 3]).astype(np.float32)] for _ in range(8)),
    )


def _convolution(optimise=False):
    network = _image_network()
    return fb.convert(lambda x: network(x), SPEC, optimise=optimise)


def _signature():
    module = tf.Module()
    module.a = tf.function(
        lambda x: {"y": x * 2.0}, input_signature=[tf.TensorSpec([1, 4], tf.float32, "x")]
    )
    module.b = tf.function(
        lambda x: {"z": x + 1.0}, input_signature=[tf.TensorSpec([1, 4], tf.float32, "x")]
    )
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={"double": module.a, "add": module.b})
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


def _flex():
    ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    return fb.convert(
        lambda x: (
            tf.linalg.det(tf.reshape(x, [2, 2]))
            + tf.reduce_sum(tf.linalg.inv(tf.reshape(x, [2, 2])))
        ),
        tf.TensorSpec([1, 4], tf.float32),
        ops=ops,
    )


def _with_labels():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as out:
        out.writestr(zipfile.ZipInfo("labels.txt", (1980, 1, 1, 0, 0, 0)), b"cat\ndog\n")
    return fb.dense() + held.getvalue()


_lite("b-tl-dense", "A dense network.", fb.dense)
_lite("b-tl-convolution", "A convolutional network.", _convolution)
_lite("b-tl-dynamic-range", "The same with weights as bytes.", lambda: _convolution(True))
_lite("b-tl-int8", "The same, fully quantised.", _quantised)
_lite(
    "b-tl-loop",
    "A loop of five steps.",
    lambda: fb.convert(
        lambda x: tf.while_loop(lambda i, v: i < 5, lambda i, v: (i + 1, v * 0.5), [0, x])[1],
        tf.TensorSpec([1, 4], tf.float32),
    ),
)
_lite(
    "b-tl-cond",
    "A conditional.",
    lambda: fb.convert(
        lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2.0, lambda: x),
        tf.TensorSpec([1, 4], tf.float32),
    ),
)
_lite(
    "b-tl-dynamic-batch",
    "A batch of any size, reshaped, tiled and padded.",
    lambda: fb.convert(
        lambda x: tf.pad(tf.tile(tf.reshape(x, [-1, 2, 2]), [1, 2, 2]), [[0, 0], [1, 1], [1, 1]]),
        tf.TensorSpec([None, 4], tf.float32),
    ),
)
_lite("b-tl-signatures", "Two signatures.", _signature)
_lite("b-tl-flex", "Two operations of TensorFlow itself.", _flex)
_lite("b-tl-labels", "Labels in an appended zip, as TFLite metadata has them.", _with_labels)
_lite(
    "b-tl-resize",
    "An image resized, and one_hot.",
    lambda: fb.convert(
        lambda x: tf.one_hot(tf.argmax(tf.reshape(tf.image.resize(x, [32, 32]), [1, -1]), -1), 10),
        SPEC,
    ),
)
_lite("b-tl-lstm", "An LSTM.", lambda: _lstm())


def _lstm():
    network = keras.Sequential([keras.Input([5, 3], batch_size=1), L.LSTM(4), L.Dense(1)])
    return fb.convert(lambda x: network(x), tf.TensorSpec([1, 5, 3], tf.float32))
