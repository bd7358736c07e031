"""SavedModels of TF2 that nobody should be warned of: what ordinary models really contain."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from .build import FLOATS, STRING, dense, export, patch, raw, scratch
from .paths import with_table
from .registry import Place, benign


def _keras(id, about, make, **options):
    def build(place: Place):
        make().export(str(place.path), verbose=False, **options)

    build.__doc__ = about
    benign(id, "savedmodel")(build)


def _sequential(*layers, shape=(8,), dtype="float32"):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *layers])


L = keras.layers
_keras(
    "b-sm-keras-dense",
    "A dense network.",
    lambda: _sequential(L.Dense(16, "relu"), L.Dense(3, "softmax")),
)
_keras(
    "b-sm-keras-conv",
    "A convolutional network with batch normalisation, pooling and dropout.",
    lambda: _sequential(
        L.Rescaling(1 / 255),
        L.Conv2D(8, 3, activation="relu"),
        L.BatchNormalization(),
        L.MaxPooling2D(),
        L.Dropout(0.3),
        L.GlobalAveragePooling2D(),
        L.Dense(4),
        shape=(28, 28, 1),
    ),
)
_keras(
    "b-sm-keras-lstm",
    "A stacked LSTM: a loop over the time steps.",
    lambda: _sequential(L.LSTM(8, return_sequences=True), L.LSTM(4), L.Dense(1), shape=(None, 5)),
)
_keras(
    "b-sm-keras-gru",
    "A GRU in both directions, with a mask.",
    lambda: _sequential(L.Masking(), L.Bidirectional(L.GRU(6)), L.Dense(2), shape=(None, 5)),
)
_keras("b-sm-keras-embedding", "An embedding of words with attention.", lambda: _attention())
_keras(
    "b-sm-keras-depthwise",
    "Separable convolutions with up-sampling and a resize.",
    lambda: _sequential(
        L.SeparableConv2D(4, 3, padding="same"),
        L.UpSampling2D(2),
        L.Resizing(32, 32),
        L.Conv2DTranspose(2, 3, strides=2, padding="same"),
        shape=(16, 16, 3),
    ),
)
_keras(
    "b-sm-keras-preprocessing",
    "Normalisation, category encoding and discretisation.",
    lambda: _preprocessing(),
)
_keras(
    "b-sm-keras-augmentation",
    "Layers that only do something in training.",
    lambda: _sequential(
        L.RandomFlip(),
        L.RandomRotation(0.1),
        L.RandomZoom(0.1),
        L.Conv2D(2, 3),
        L.Flatten(),
        L.Dense(2),
        shape=(16, 16, 3),
    ),
)
_keras(
    "b-sm-keras-string-lookup",
    "A StringLookup with its vocabulary as a list.",
    lambda: _sequential(
        L.StringLookup(vocabulary=["a", "b", "c"]),
        L.Embedding(5, 3),
        L.Flatten(),
        L.Dense(1),
        shape=(4,),
        dtype="string",
    ),
)
_keras(
    "b-sm-keras-text-vectorization", "TextVectorization that was adapted.", lambda: _vectorization()
)
_keras(
    "b-sm-keras-mixed",
    "Half precision.",
    lambda: _sequential(L.Dense(8, dtype="mixed_float16"), L.Dense(2, dtype="float32")),
)
_keras("b-sm-keras-transformer", "A small transformer block.", lambda: _transformer())
_keras(
    "b-sm-keras-hashing",
    "Hashing and category crossing.",
    lambda: _sequential(
        L.Hashing(16, salt=7),
        L.CategoryEncoding(16, output_mode="multi_hot"),
        L.Dense(1),
        shape=(3,),
        dtype="string",
    ),
)
_keras("b-sm-keras-residual", "Eight residual blocks.", lambda: _residual())


def _attention():
    words = keras.Input([None], dtype="int32")
    x = L.Embedding(1000, 16, mask_zero=True)(words)
    x = L.MultiHeadAttention(2, 8)(x, x)
    return keras.Model(words, L.Dense(2)(L.GlobalAveragePooling1D()(x)))


def _preprocessing():
    number = keras.Input([1])
    normal = L.Normalization(axis=None)
    normal.adapt(np.arange(10.0).reshape(-1, 1))
    buckets = L.Discretization(bin_boundaries=[0.0, 1.0, 2.0], output_mode="one_hot")(number)
    return keras.Model(number, L.Dense(1)(L.Concatenate()([normal(number), buckets])))


def _vectorization():
    layer = L.TextVectorization(max_tokens=50, output_sequence_length=6, ngrams=2)
    layer.adapt(
        np.array(["the quick brown fox", "jumps over the lazy dog", "file:///etc is a path"])
    )
    return _sequential(
        layer, L.Embedding(50, 4), L.GlobalMaxPooling1D(), L.Dense(1), shape=(), dtype="string"
    )


def _transformer():
    tokens = keras.Input([32], dtype="int32")
    x = L.Embedding(500, 16)(tokens) + L.Embedding(32, 16)(keras.ops.arange(32))
    for _ in range(2):
        y = L.MultiHeadAttention(2, 8)(x, x, use_causal_mask=True)
        x = L.LayerNormalization()(x + y)
        x = L.LayerNormalization()(x + L.Dense(16)(L.Dense(32, "gelu")(x)))
    return keras.Model(tokens, L.Dense(500)(x))


def _residual():
    image = keras.Input([32, 32, 3])
    x = L.Conv2D(8, 3, padding="same")(image)
    for _ in range(8):
        x = L.ReLU()(L.BatchNormalization()(L.Conv2D(8, 3, padding="same")(x)) + x)
    return keras.Model(image, L.Dense(10, "softmax")(L.GlobalAveragePooling2D()(x)))


def _plain(id, about, fn, *specs):
    def build(place: Place):
        export(place.path, fn, *specs)

    build.__doc__ = about
    benign(id, "savedmodel")(build)


def _image(data):
    image = tf.io.decode_image(data, channels=3, expand_animations=False)
    image = tf.image.resize_with_pad(tf.image.convert_image_dtype(image, tf.float32), 224, 224)
    return tf.reshape(image, [224, 224, 3])


def _beam(x):
    """A greedy decoder with a TensorArray and an end token."""
    weights = tf.constant(np.random.default_rng(0).normal(size=[8, 8]).astype(np.float32))

    def cond(i, token, out, done):
        return tf.logical_and(i < 20, tf.logical_not(done))

    def body(i, token, out, done):
        token = tf.argmax(tf.gather(weights, token), output_type=tf.int32)
        return i + 1, token, out.write(i, token), tf.equal(token, 0)

    start = tf.cast(tf.math.floormod(tf.cast(tf.reduce_sum(x), tf.int32), 8), tf.int32)
    out = tf.TensorArray(tf.int32, 0, dynamic_size=True, element_shape=[])
    return {"tokens": tf.while_loop(cond, body, [0, start, out, False])[2].stack()}


def _parse(serialized):
    features = {
        "a": tf.io.FixedLenFeature([3], tf.float32),
        "b": tf.io.VarLenFeature(tf.string),
        "c": tf.io.FixedLenFeature([], tf.int64, 0),
    }
    parsed = tf.io.parse_example(serialized, features)
    return {
        "y": tf.reduce_sum(parsed["a"], 1) + tf.cast(parsed["c"], tf.float32),
        "n": tf.sparse.to_dense(parsed["b"], ""),
    }


_plain(
    "b-sm-cond",
    "A conditional.",
    lambda x: {"y": tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2.0, lambda: x / 3.0)},
)
_plain(
    "b-sm-switch-case",
    "A case of three.",
    lambda x: {
        "y": tf.switch_case(tf.cast(x[0, 0], tf.int32), [lambda: x, lambda: -x, lambda: x * x])
    },
)
_plain(
    "b-sm-while",
    "A loop of a hundred steps.",
    lambda x: {
        "y": tf.while_loop(lambda i, v: i < 100, lambda i, v: (i + 1, v * 0.9 + 0.1), [0, x])[1]
    },
)
_plain(
    "b-sm-while-batch",
    "A loop over the rows of the request.",
    lambda x: {
        "y": tf.while_loop(
            lambda i, s: i < tf.shape(x)[0], lambda i, s: (i + 1, s + tf.reduce_sum(x[i])), [0, 0.0]
        )[1]
    },
)
_plain(
    "b-sm-map-fn",
    "tf.map_fn over the rows of the request.",
    lambda x: {"y": tf.map_fn(lambda row: row * tf.reduce_max(row), x)},
)
_plain(
    "b-sm-scan",
    "tf.scan and tf.foldl.",
    lambda x: {"y": tf.scan(lambda a, b: a + b, x), "z": tf.foldl(lambda a, b: a * b, x)},
)
_plain("b-sm-decoder", "A greedy decoder that stops at an end token.", _beam)
_plain(
    "b-sm-newton",
    "A loop that ends when it has converged, or after fifty steps.",
    lambda x: {
        "y": tf.while_loop(
            lambda i, r: tf.logical_and(i < 50, tf.reduce_max(tf.abs(r * r - tf.abs(x))) > 1e-4),
            lambda i, r: (i + 1, 0.5 * (r + tf.abs(x) / r)),
            [0, tf.ones_like(x)],
        )[1]
    },
)
_plain(
    "b-sm-image",
    "Decodes and resizes a batch of images.",
    lambda s: {"y": tf.map_fn(_image, s, fn_output_signature=tf.TensorSpec([224, 224, 3]))},
    tf.TensorSpec([None], tf.string, name="s"),
)
_plain(
    "b-sm-base64-image",
    "An image in base64, cut, flipped and normalised.",
    lambda s: {
        "y": tf.image.per_image_standardization(
            tf.image.central_crop(
                tf.image.resize(tf.io.decode_jpeg(tf.io.decode_base64(s), channels=3), [256, 256]),
                0.875,
            )
        )
    },
    STRING,
)
_plain(
    "b-sm-audio",
    "A spectrogram of a recording.",
    lambda s: {
        "y": tf.math.log(
            tf.abs(tf.signal.stft(tf.audio.decode_wav(s, 1).audio[:, 0], 256, 128)) + 1e-6
        )
    },
    STRING,
)
_plain(
    "b-sm-parse-example",
    "Parses tf.Example, as TF1 estimators did.",
    _parse,
    tf.TensorSpec([None], tf.string, name="examples"),
)
_plain(
    "b-sm-strings",
    "Splits, trims and hashes text.",
    lambda s: {
        "y": tf.strings.to_hash_bucket_fast(
            tf.strings.split(tf.strings.lower(tf.strings.strip(s))), 100
        ),
        "t": tf.strings.regex_replace(s, "[0-9]+", "#"),
    },
    STRING,
)
_plain(
    "b-sm-paths-as-text",
    "A constant that looks like a path is only compared with text.",
    lambda s: {"y": tf.equal(s, ["/etc/passwd", "http://example.org/", "gs://bucket/x", "../a"])},
    STRING,
)
_plain(
    "b-sm-ragged",
    "Ragged tensors.",
    lambda s: {"y": tf.strings.unicode_decode(tf.strings.split([s]).values, "UTF-8").to_tensor(0)},
    STRING,
)
_plain(
    "b-sm-sparse",
    "Sparse matrices.",
    lambda x: {
        "y": tf.sparse.sparse_dense_matmul(
            tf.sparse.SparseTensor([[0, 1], [2, 3]], [1.0, 2.0], [4, 4]), tf.transpose(x)
        )
    },
)
_plain("b-sm-print", "tf.print to standard error and standard output.", lambda x: _printed(x))
_plain("b-sm-asserts", "Assertions about the input.", lambda x: _asserted(x))
_plain(
    "b-sm-numerics",
    "check_numerics, clipping and a guarded division.",
    lambda x: {
        "y": tf.debugging.check_numerics(tf.math.divide_no_nan(x, tf.clip_by_value(x, 0, 1)), "bad")
    },
)
_plain(
    "b-sm-random",
    "Dropout at inference, Monte Carlo style, and noise.",
    lambda x: {"y": tf.nn.dropout(x, 0.5) + tf.random.normal(tf.shape(x), seed=3)},
)
_plain(
    "b-sm-broadcast",
    "A kernel matrix between the rows of a request and 200 constants.",
    lambda x: {
        "y": tf.exp(
            -tf.reduce_sum(
                tf.square(
                    x[:, None, :]
                    - np.random.default_rng(0).normal(size=[200, 4]).astype(np.float32)
                ),
                -1,
            )
        )
    },
)
_plain(
    "b-sm-one-hot",
    "one_hot, top_k, gather and a mask.",
    lambda x: {
        "y": tf.one_hot(tf.argmax(x, -1), 1000),
        "k": tf.math.top_k(x, 2).indices,
        "m": tf.sequence_mask(tf.cast(tf.abs(x[:, 0]), tf.int32), 50),
    },
)
_plain(
    "b-sm-nms",
    "Boxes of a detector, with non-maximum suppression.",
    lambda x: {"y": tf.gather(x, tf.image.non_max_suppression(x, tf.reduce_sum(x, -1), 100, 0.5))},
)
_plain(
    "b-sm-fft",
    "Fourier transforms and matrix inverses.",
    lambda x: {
        "y": tf.math.real(tf.signal.ifft(tf.signal.fft(tf.cast(x, tf.complex64)))),
        "i": tf.linalg.pinv(tf.matmul(x, x, transpose_a=True) + tf.eye(4)),
    },
)
_plain(
    "b-sm-big-constant",
    "A constant of four megabytes.",
    lambda x: {
        "y": x @ tf.constant(np.random.default_rng(0).normal(size=[4, 250_000]).astype(np.float32))
    },
)
_plain(
    "b-sm-zeros",
    "Zeros of the size of a batch, and a table of zeros of one megabyte.",
    lambda x: {"y": tf.zeros([tf.shape(x)[0], 128]) + tf.reduce_sum(tf.zeros([512, 512]))},
)
_plain(
    "b-sm-tf-data",
    "tf.data in the graph: the rows of a request are cut, shuffled and batched.",
    lambda x: {"y": _pipeline(x)},
)
_plain("b-sm-custom-gradient", "A custom gradient.", lambda x: {"y": _scaled(x)})
_plain(
    "b-sm-jit",
    "A function that XLA compiles.",
    lambda x: {"y": tf.function(lambda v: tf.nn.relu(v) * 2.0, jit_compile=True)(x)},
)
_plain(
    "b-sm-partitioned-loop",
    "A loop in a conditional in a loop.",
    lambda x: {
        "y": tf.while_loop(
            lambda i, v: i < 5,
            lambda i, v: (
                i + 1,
                tf.cond(
                    tf.reduce_sum(v) > 0,
                    lambda: tf.while_loop(
                        lambda j, w: j < 3, lambda j, w: (j + 1, w * 0.5), [0, v]
                    )[1],
                    lambda: v,
                ),
            ),
            [0, x],
        )[1]
    },
)
_plain(
    "b-sm-select",
    "Leaky units, thresholds and a clamp: selects that are no backdoor.",
    lambda x: {
        "y": tf.where(x > 0.0, x, 0.01 * x),
        "z": tf.where(tf.reduce_max(x) > 0.5, tf.ones_like(x), tf.zeros_like(x)),
        "w": tf.where(tf.math.is_nan(x), tf.zeros_like(x), x),
    },
)
_plain(
    "b-sm-quantised",
    "Fake quantisation.",
    lambda x: {
        "y": tf.quantization.fake_quant_with_min_max_args(x, -3, 3)
        @ tf.quantization.fake_quant_with_min_max_args(tf.ones([4, 4]), 0, 1)
    },
)
_plain(
    "b-sm-stateless-loop-down",
    "A loop that counts down, and one with a float.",
    lambda x: {
        "y": tf.while_loop(lambda i, v: i > 0, lambda i, v: (i - 2, v + 1.0), [10, x])[1],
        "z": tf.while_loop(lambda t: t < 1.0, lambda t: [t + 0.01], [0.0])[0],
    },
)
_plain(
    "b-sm-date-lookup",
    "Feature engineering of numbers and days.",
    lambda x: {
        "y": tf.math.floormod(tf.cast(x[:, 0], tf.int64), 7),
        "b": raw.Bucketize(input=x, boundaries=[0.0, 10.0, 100.0]),
        "c": tf.math.cumsum(x, 1),
        "q": tf.searchsorted([0.0, 1.0, 2.0], x[0]),
    },
)


def _printed(x):
    import sys

    first = tf.print("batch of", tf.shape(x)[0])

    with tf.control_dependencies([first, tf.print(x, output_stream=sys.stdout, summarize=3)]):
        return {"y": tf.identity(x)}


def _asserted(x):
    tf.debugging.assert_non_negative(x, "negative")
    tf.debugging.assert_less(tf.shape(x)[0], 1000)
    tf.debugging.Assert(tf.reduce_all(tf.math.is_finite(x)), [x])
    return {"y": tf.sqrt(x)}


def _pipeline(x):
    data = (
        tf.data.Dataset.from_tensor_slices(x)
        .map(lambda row: row * 2.0, num_parallel_calls=2)
        .shuffle(16, seed=1)
        .batch(4)
        .prefetch(1)
    )
    return data.reduce(tf.zeros([4]), lambda a, b: a + tf.reduce_sum(b, 0))


@tf.custom_gradient
def _scaled(x):
    return x * 2.0, lambda dy: dy * 0.5


@benign("b-sm-dense", "savedmodel")
def _(place: Place):
    """The plain dense model that the others are compared with."""
    dense(place.path)


@benign("b-sm-asset-table", "savedmodel")
def _(place: Place):
    """A lookup table with its vocabulary as an asset."""
    with_table(place)


@benign("b-sm-two-tables", "savedmodel")
def _(place: Place):
    """Two tables: one of words to numbers and its inverse from memory."""
    words = tf.constant(["cat", "dog", "bird"])
    there = tf.lookup.StaticVocabularyTable(
        tf.lookup.KeyValueTensorInitializer(words, tf.range(3, dtype=tf.int64)), 2
    )
    back = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.range(3, dtype=tf.int64), words), "?"
    )
    export(place.path, lambda s: {"y": back.lookup(there.lookup(s))}, STRING, extra=[there, back])


@benign("b-sm-mutable-table", "savedmodel")
def _(place: Place):
    """A mutable table that is saved with the variables."""
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    table.insert(["a", "b"], [1, 2])
    export(place.path, lambda s: {"y": table.lookup(s)}, STRING, extra=table)


@benign("b-sm-signatures", "savedmodel")
def _(place: Place):
    """Four signatures, one without inputs."""
    version = tf.function(lambda: {"version": tf.constant("1.2")}, input_signature=())
    both = tf.function(lambda a, b: {"sum": a + b}, input_signature=(FLOATS, FLOATS))
    dense(
        place.path,
        more={
            "version": version,
            "both": both,
            "text": tf.function(lambda s: {"n": tf.strings.length(s)}, input_signature=(STRING,)),
        },
    )


@benign("b-sm-warmup", "savedmodel")
def _(place: Place):
    """Warm-up requests in assets.extra, as TensorFlow Serving replays them."""
    dense(place.path)
    extra = place.path / "assets.extra"
    extra.mkdir()
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as out:
        # PredictionLog{predict_log{request{model_spec{name}}}}
        name = b"\x0a\x05dense"
        request = b"\x0a" + bytes([len(name)]) + name
        log = b"\x0a" + bytes([len(request)]) + request
        out.write(b"\x32" + bytes([len(log)]) + log)


@benign("b-sm-optimizer", "savedmodel")
def _(place: Place):
    """A module with an optimizer and its slots, saved after training."""
    module = tf.Module()
    module.kernel = tf.Variable(tf.ones([4, 2]))
    module.optimizer = keras.optimizers.Adam(0.01)
    module.optimizer.build([module.kernel])
    module.step = tf.Variable(5, dtype=tf.int64)
    module.serve = tf.function(lambda x: {"y": x @ module.kernel}, input_signature=(FLOATS,))
    module.train = tf.function(lambda x: module.step.assign_add(1), input_signature=(FLOATS,))
    tf.saved_model.save(module, str(place.path), signatures=module.serve)


@benign("b-sm-counter", "savedmodel")
def _(place: Place):
    """A signature that counts its calls in a variable."""
    count = tf.Variable(0, dtype=tf.int64)
    export(place.path, lambda x: {"y": x, "n": count.assign_add(1)}, FLOATS, extra=count)


@benign("b-sm-bfloat16", "savedmodel")
def _(place: Place):
    """Weights in bfloat16 and int8."""
    held = [
        tf.Variable(tf.cast(tf.random.normal([64, 64]), tf.bfloat16)),
        tf.Variable(tf.cast(tf.range(64), tf.int8)),
    ]
    export(
        place.path,
        lambda x: {"y": tf.cast(x, tf.bfloat16) @ held[0][:4], "q": tf.cast(held[1], tf.float32)},
        FLOATS,
        extra=held,
    )


@benign("b-sm-no-variables", "savedmodel")
def _(place: Place):
    """A model without a single variable."""
    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": x / 2.0 + 2.0}, input_signature=(FLOATS,))
    tf.saved_model.save(module, str(place.path), signatures=module.serve)


@benign("b-sm-training-metadata", "savedmodel")
def _(place: Place):
    """A model with README, licence and a model card beside it, as a hub has them."""
    dense(place.path)
    (place.path / "README.md").write_text(
        "# A model\n\nLoad it with `tf.saved_model.load`. See https://example.org/model and `pip install tensorflow`.\n"
    )
    (place.path / "LICENSE").write_text("Apache License, Version 2.0\n")
    (place.path / "model_card.json").write_text(
        '{"labels": ["a", "b"], "homepage": "https://example.org"}\n'
    )


@benign("b-sm-partial-function", "savedmodel")
def _(place: Place):
    """Functions with many traces and default values."""
    module = tf.Module()
    module.w = tf.Variable(2.0)
    module.call = tf.function(lambda x, training=False: x * module.w if training else x + module.w)
    for shape in ([1], [None], [None, 3]):
        module.call.get_concrete_function(tf.TensorSpec(shape, tf.float32), training=True)
        module.call.get_concrete_function(tf.TensorSpec(shape, tf.float32))
    signature = module.call.get_concrete_function(tf.TensorSpec([None], tf.float32))
    tf.saved_model.save(module, str(place.path), signatures=signature)


@benign("b-sm-debug-info", "savedmodel")
def _(place: Place):
    """Saved with debug information and function aliases."""
    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": x * 2.0}, input_signature=(FLOATS,))
    options = tf.saved_model.SaveOptions(
        save_debug_info=True, function_aliases={"serve": module.serve}
    )
    tf.saved_model.save(module, str(place.path), signatures=module.serve, options=options)


@benign("b-sm-keras-saved", "savedmodel")
def _(place: Place):
    """keras_metadata.pb of Keras 2 with ordinary layers."""
    from .keras_attacks import _metadata, legacy

    dense(place.path)
    config = legacy([])["config"]
    data = _metadata(
        [
            (
                0,
                "root",
                "_tf_keras_sequential",
                {
                    "name": "m",
                    "class_name": "Sequential",
                    "config": config,
                    "training_config": {"loss": "mse", "metrics": None},
                },
            ),
            (
                1,
                "root.layer-0",
                "_tf_keras_layer",
                {"name": "dense", "class_name": "Dense", "config": config["layers"][1]["config"]},
            ),
        ]
    )
    (place.path / "keras_metadata.pb").write_bytes(data)


@benign("b-sm-read-asset", "savedmodel")
def _(place: Place):
    """ReadFile of an asset: the model reads a file that it brought."""
    folder = scratch(place.path)
    folder.mkdir(parents=True)
    (folder / "labels.txt").write_text("cat\ndog\n")
    asset = tf.saved_model.Asset(str(folder / "labels.txt"))
    export(
        place.path,
        lambda x: {"y": x, "labels": tf.strings.split(tf.io.read_file(asset.asset_path), "\n")},
        FLOATS,
        extra=asset,
    )


@benign("b-sm-text-dataset-asset", "savedmodel")
def _(place: Place):
    """TextLineDataset over an asset."""
    folder = scratch(place.path)
    folder.mkdir(parents=True)
    (folder / "stopwords.txt").write_text("the\na\n")
    asset = tf.saved_model.Asset(str(folder / "stopwords.txt"))
    export(
        place.path,
        lambda x: {
            "y": x,
            "n": tf.data.TextLineDataset(asset.asset_path).reduce(0, lambda n, line: n + 1),
        },
        FLOATS,
        extra=asset,
    )


@benign("b-sm-old-producer", "savedmodel")
def _(place: Place):
    """A model of an older TensorFlow with stripped defaults."""
    dense(place.path)

    def edit(model):
        meta = model.meta_graphs[0]
        meta.meta_info_def.tensorflow_version = "2.4.1"
        meta.graph_def.versions.producer = 561
        meta.meta_info_def.stripped_default_attrs = True

    patch(place.path, edit)
