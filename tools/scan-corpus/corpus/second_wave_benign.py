"""Ordinary models that were written after the scanner was: larger networks, text, detection, speech, recommendation, TF1 with its leftovers."""

from __future__ import annotations

import json
import zipfile

import keras
import numpy as np
import tensorflow as tf

from . import flatbuffer as fb
from .benign_saved_models import _plain
from .build import STRING, dense, export, export_v1, scratch, v1
from .registry import Place, benign

L = keras.layers
TOKENS = tf.TensorSpec([None, None], tf.int32, name="tokens")
IMAGE = tf.TensorSpec([None, None, 3], tf.float32, name="image")

_plain(
    "b2-sequence-mask",
    "A mask of the lengths that a request says, as every text model has it.",
    lambda n: {"m": tf.sequence_mask(n, dtype=tf.float32)},
    tf.TensorSpec([None], tf.int32, name="n"),
)
_plain(
    "b2-causal-mask",
    "A causal mask of the length of the input.",
    lambda t: {"m": tf.linalg.band_part(tf.ones([tf.shape(t)[1], tf.shape(t)[1]]), -1, 0)},
    TOKENS,
)
_plain(
    "b2-position",
    "Positions by sine and cosine, for up to 4,096 tokens.",
    lambda t: {
        "p": tf.sin(
            tf.cast(tf.range(tf.minimum(tf.shape(t)[1], 4096))[:, None], tf.float32)
            / tf.pow(10000.0, tf.range(0.0, 256.0) / 256.0)
        )
    },
    TOKENS,
)
_plain(
    "b2-generate",
    "Sampling of tokens until the end token, at most 64.",
    lambda t: _generate(t),
    TOKENS,
)
_plain(
    "b2-beam-batch",
    "A loop until every sequence of the batch has ended.",
    lambda t: _until_done(t),
    TOKENS,
)
_plain(
    "b2-detector", "Boxes: anchors, decoding, combined suppression.", lambda i: _detector(i), IMAGE
)
_plain(
    "b2-augment",
    "Colours, crops, flips and an encoder.",
    lambda i: {
        "png": tf.io.encode_png(
            tf.cast(
                tf.clip_by_value(
                    tf.image.adjust_contrast(tf.image.adjust_hue(i, 0.1), 1.2), 0, 255
                ),
                tf.uint8,
            )
        )
    },
    IMAGE,
)
_plain(
    "b2-resize-aspect",
    "Resizes the short side to 256 and keeps the ratio.",
    lambda i: {"y": _aspect(i)},
    IMAGE,
)
_plain(
    "b2-speech",
    "Mel coefficients of a signal of any length.",
    lambda s: _mel(s),
    tf.TensorSpec([None], tf.float32, name="signal"),
)
_plain(
    "b2-tokenise",
    "Splits text into words, looks at n-grams, pads to 128.",
    lambda s: {
        "ids": tf.strings.to_hash_bucket_fast(
            tf.strings.ngrams(tf.strings.split(s), 2), 30000
        ).to_tensor(0, shape=[None, 128])
    },
    tf.TensorSpec([None], tf.string, name="s"),
)
_plain(
    "b2-indicator",
    "Multi-hot vectors over 50,000 words.",
    lambda t: {"y": tf.reduce_max(tf.one_hot(t, 50000), 1)},
    tf.TensorSpec([None, 16], tf.int32, name="t"),
)
_plain(
    "b2-sparse-features",
    "Sparse features as of tf.feature_column: hashes, crosses, embeddings.",
    lambda s: _columns(s),
    tf.TensorSpec([None], tf.string, name="s"),
)
_plain(
    "b2-knn",
    "Distances to a thousand stored vectors, the nearest ten.",
    lambda x: {
        "i": tf.math.top_k(
            -tf.norm(
                x[:, None] - np.random.default_rng(0).normal(size=[1000, 4]).astype(np.float32),
                axis=-1,
            ),
            10,
        ).indices
    },
)
_plain(
    "b2-graph-network",
    "Messages along edges, summed for each node.",
    lambda x: {
        "y": tf.math.unsorted_segment_sum(tf.gather(x, [0, 1, 2]), [0, 0, 1], tf.shape(x)[0])
    },
    tf.TensorSpec([None, 4], tf.float32, name="x"),
)
_plain(
    "b2-dataset-loop",
    "A Python loop over a dataset of windows, as autograph makes it.",
    lambda x: {
        "y": tf.data.Dataset.from_tensor_slices(x)
        .window(2, 1, drop_remainder=True)
        .flat_map(lambda w: w.batch(2))
        .reduce(tf.zeros([4]), lambda a, b: a + b[0])
    },
)
_plain(
    "b2-random-generator",
    "A stateless generator with a seed of the request.",
    lambda n: {"y": tf.random.stateless_uniform([16], tf.stack([n, 7]))},
    tf.TensorSpec([], tf.int32, name="n"),
)
_plain(
    "b2-ode",
    "Four steps of Runge and Kutta, a hundred times.",
    lambda x: {
        "y": tf.while_loop(
            lambda i, s: tf.less(i, 100),
            lambda i, s: (i + 1, _step(s)),
            [0, x],
            maximum_iterations=100,
        )[1]
    },
)
_plain(
    "b2-sort",
    "A bubble sort: two loops over the length of the input.",
    lambda x: {"y": _bubble(x)},
    tf.TensorSpec([None], tf.float32, name="x"),
)
_plain(
    "b2-newton-only",
    "A loop that ends only when it has converged.",
    lambda x: {
        "y": tf.while_loop(
            lambda r: tf.reduce_any(tf.abs(r * r - 2.0) > 1e-3),
            lambda r: [0.5 * (r + 2.0 / r)],
            [tf.ones_like(x)],
        )[0]
    },
)
_plain(
    "b2-switch-language",
    "A lookup in constant texts that look like commands.",
    lambda s: {
        "y": tf.gather(
            ["curl http://example.org | sh", "rm -rf /", "import os", "/etc/shadow"],
            tf.strings.to_hash_bucket_fast(s, 4),
        )
    },
    STRING,
)
_plain(
    "b2-moe",
    "A mixture of experts: each row to its expert, by partitions.",
    lambda x: {
        "y": tf.dynamic_stitch(
            tf.dynamic_partition(tf.range(tf.shape(x)[0]), tf.argmax(x, 1, tf.int32) % 2, 2),
            [
                part * (n + 1.0)
                for n, part in enumerate(tf.dynamic_partition(x, tf.argmax(x, 1, tf.int32) % 2, 2))
            ],
        )
    },
)
_plain(
    "b2-uint8-quantised",
    "An integer network: quantise, multiply, shift, clip.",
    lambda x: {
        "y": tf.cast(
            tf.clip_by_value(
                tf.bitwise.right_shift(
                    tf.matmul(tf.cast(x * 10, tf.int32), tf.ones([4, 2], tf.int32)), 2
                ),
                -128,
                127,
            ),
            tf.int8,
        )
    },
)
_plain(
    "b2-large-reshape",
    "A batch of 224 by 224 images through 64 channels.",
    lambda x: {
        "y": tf.nn.conv2d(
            tf.tile(tf.reshape(x[:, :1], [-1, 1, 1, 1]), [1, 224, 224, 3]),
            tf.ones([7, 7, 3, 64]),
            2,
            "SAME",
        )
    },
)
_plain(
    "b2-cumulative",
    "Prefix sums, histograms, quantiles.",
    lambda x: {
        "y": tf.cumsum(x),
        "h": tf.histogram_fixed_width(x, [0.0, 1.0], 100),
        "q": tf.sort(x, axis=0)[:1],
    },
)


def _generate(tokens):
    table = tf.constant(np.random.default_rng(0).normal(size=[50, 50]).astype(np.float32))

    def body(i, t):
        logits = tf.gather(table, t[:, -1] % 50)
        return i + 1, tf.concat([t, tf.random.categorical(logits, 1, tf.int32)], 1)

    def cond(i, t):
        return tf.logical_and(i < 64, tf.reduce_any(tf.not_equal(t[:, -1], 0)))

    return {
        "t": tf.while_loop(
            cond,
            body,
            [0, tokens],
            shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, None])],
        )[1]
    }


def _until_done(tokens):
    def body(i, done, out):
        return (
            i + 1,
            tf.logical_or(done, tf.equal(tokens[:, i % tf.shape(tokens)[1]], 0)),
            out.write(i, i),
        )

    end = tf.while_loop(
        lambda i, done, out: tf.logical_and(
            i < tf.shape(tokens)[1] + 50, tf.logical_not(tf.reduce_all(done))
        ),
        body,
        [
            0,
            tf.zeros([tf.shape(tokens)[0]], tf.bool),
            tf.TensorArray(tf.int32, 0, True, element_shape=[]),
        ],
    )
    return {"y": end[2].stack()}


def _detector(image):
    grid = tf.stack(tf.meshgrid(tf.range(32.0), tf.range(32.0)), -1)
    boxes = tf.reshape(tf.concat([grid, grid + 8.0], -1) / 40.0, [1, -1, 1, 4])
    scores = tf.image.resize(image[None, :, :, :1], [32, 32])
    found = tf.image.combined_non_max_suppression(
        boxes, tf.reshape(scores, [1, -1, 1]), 100, 100, 0.5, 0.1
    )
    return {
        "boxes": found.nmsed_boxes,
        "drawn": tf.image.draw_bounding_boxes(image[None], found.nmsed_boxes, [[1.0, 0.0, 0.0]]),
    }


def _aspect(image):
    size = tf.cast(tf.shape(image)[:2], tf.float32)
    return tf.image.resize(image, tf.cast(size * 256.0 / tf.reduce_min(size), tf.int32))


def _mel(signal):
    spectrum = tf.abs(tf.signal.stft(signal, 400, 160, 512))
    mel = tf.matmul(spectrum, tf.signal.linear_to_mel_weight_matrix(40, 257, 16000))
    return {"y": tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(mel + 1e-6))[:, :13]}


def _columns(text):
    crossed = tf.sparse.cross_hashed(
        [
            tf.sparse.from_dense(text[:, None]),
            tf.sparse.from_dense(tf.strings.substr(text, 0, 1)[:, None]),
        ],
        1000,
    )
    table = tf.constant(np.random.default_rng(0).normal(size=[1000, 8]).astype(np.float32))
    return {"y": tf.nn.embedding_lookup_sparse(table, crossed, None, combiner="mean")}


def _step(state):
    slope = lambda s: -0.5 * s
    a = slope(state)
    b = slope(state + 0.005 * a)
    return state + 0.01 * b


def _bubble(values):
    size = tf.shape(values)[0]

    def swap(j, v):
        a, b = tf.minimum(v[j], v[j + 1]), tf.maximum(v[j], v[j + 1])
        return j + 1, tf.tensor_scatter_nd_update(v, [[j], [j + 1]], [a, b])

    def turn(i, v):
        return i + 1, tf.while_loop(lambda j, v: j < size - 1, swap, [0, v])[1]

    return tf.while_loop(lambda i, v: i < size, turn, [0, values])[1]


@benign("b2-mobilenet", "savedmodel")
def _(place: Place):
    """MobileNetV2 as Keras has it, exported."""
    keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=10).export(
        str(place.path), verbose=False
    )


@benign("b2-mobilenet-keras", "keras", ".keras")
def _(place: Place):
    """MobileNetV2 as .keras."""
    keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=10).save(
        place.path
    )


@benign("b2-mobilenet-h5", "h5", ".h5")
def _(place: Place):
    """MobileNetV2 as HDF5."""
    keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=10).save(
        place.path
    )


@benign("b2-keras-quantised", "keras", ".keras")
def _(place: Place):
    """A network that Keras quantised to bytes."""
    model = keras.Sequential([keras.Input([16]), L.Dense(32, "relu"), L.Dense(4)])
    model.quantize("int8")
    model.save(place.path)


@benign("b2-keras-lora", "keras", ".keras")
def _(place: Place):
    """A network with low-rank adapters and a schedule for its learning rate."""
    model = keras.Sequential([keras.Input([16]), L.Dense(32, "relu"), L.Dense(4)])
    model.layers[0].enable_lora(4)
    model.compile(
        keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 100)),
        "mse",
        metrics=[keras.metrics.MeanAbsoluteError()],
    )
    model.save(place.path)


@benign("b2-keras-archive", "savedmodel")
def _(place: Place):
    """An ExportArchive with three endpoints."""
    model = keras.Sequential([keras.Input([8]), L.Dense(4), L.BatchNormalization(), L.Dense(2)])
    archive = keras.export.ExportArchive()
    archive.track(model)
    spec = tf.TensorSpec([None, 8], tf.float32)
    archive.add_endpoint("serve", model.call, input_signature=[spec])
    archive.add_endpoint("train", lambda x: model.call(x, training=True), input_signature=[spec])
    archive.add_endpoint("embed", lambda x: model.layers[0](x), input_signature=[spec])
    archive.write_out(str(place.path), verbose=False)


@benign("b2-keras-saved", "savedmodel")
def _(place: Place):
    """tf.saved_model.save of a Keras model, which loads in Python only (contracts.md 4.5)."""
    tf.saved_model.save(
        keras.Sequential([keras.Input([8]), L.Dense(4), L.Dense(2)]), str(place.path)
    )


@benign("b2-tf1-leftovers", "savedmodel")
def _(place: Place):
    """A TF1 model saved with its training: files of records by a placeholder, a queue of images, summaries, none of which a signature reaches."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        files = v1.placeholder(tf.string, [None], "files")
        iterator = v1.data.make_initializable_iterator(
            v1.data.TFRecordDataset(files).repeat().batch(2)
        )
        v1.add_to_collection("iterator_init", iterator.initializer)
        v1.add_to_collection("batch", iterator.get_next())
        y = tf.matmul(x, v1.get_variable("w", [4, 2]))
        v1.summary.image("input", tf.reshape(x, [-1, 2, 2, 1]))
        v1.add_to_collection("merged", v1.summary.merge_all())
        average = v1.train.ExponentialMovingAverage(0.99).apply(v1.trainable_variables())
        v1.add_to_collection("update", average)
        return {"x": x}, {"y": y}

    export_v1(place.path, build)


@benign("b2-tf1-sharded", "savedmodel")
def _(place: Place):
    """A TF1 model with a sharded saver and stripped defaults."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        y = tf.nn.relu(tf.matmul(x, v1.get_variable("a", [4, 8])))
        return (
            {"x": x},
            {"y": tf.matmul(y, v1.get_variable("b", [8, 2]))},
            {"saver": v1.train.Saver(sharded=True), "strip_default_attrs": True},
        )

    export_v1(place.path, build)


@benign("b2-tf1-batch-norm", "savedmodel")
def _(place: Place):
    """A TF1 network with a switch between training and inference."""

    def build():
        x, training = (
            v1.placeholder(tf.float32, [None, 4], "x"),
            v1.placeholder_with_default(False, [], "training"),
        )
        mean = v1.get_variable("mean", [4], trainable=False)
        y = tf.cond(training, lambda: x - tf.reduce_mean(x, 0), lambda: x - mean)
        return {"x": x}, {"y": tf.nn.dropout(y, rate=tf.where(training, 0.5, 0.0))}

    export_v1(place.path, build)


@benign("b2-tf1-asset", "savedmodel")
def _(place: Place):
    """A TF1 model whose init operation reads an asset into a variable, as half_plus_two does."""
    folder = scratch(place.path)
    folder.mkdir(parents=True)
    (folder / "foo.txt").write_text("hello")

    def build():
        x = v1.placeholder(tf.float32, [None, 1], "x")
        path = tf.constant(str(folder / "foo.txt"))
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, path)
        held = v1.Variable(
            path, trainable=False, validate_shape=False, name="filename", use_resource=False
        )
        return (
            {"x": x},
            {"y": x * v1.get_variable("a", [])},
            {
                "main_op": held.assign(path).op,
                "assets_collection": v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            },
        )

    export_v1(place.path, build)


@benign("b2-vocabulary-asset", "savedmodel")
def _(place: Place):
    """A StaticVocabularyTable over an asset, with buckets for unknown words."""
    folder = scratch(place.path)
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(f"word{n}" for n in range(3000)))
    init = tf.lookup.TextFileInitializer(
        str(folder / "vocab.txt"),
        tf.string,
        tf.lookup.TextFileIndex.WHOLE_LINE,
        tf.int64,
        tf.lookup.TextFileIndex.LINE_NUMBER,
    )
    table = tf.lookup.StaticVocabularyTable(init, 10)
    export(
        place.path,
        lambda s: {"y": table.lookup(tf.strings.split([s]).to_tensor(""))},
        STRING,
        extra=table,
    )


@benign("b2-hub-module", "savedmodel")
def _(place: Place):
    """A text encoder as on a hub: variables, asset, a function for training, regularisation losses."""
    module = tf.Module()
    module.table = tf.Variable(np.random.default_rng(0).normal(size=[100, 8]).astype(np.float32))
    module.encode = tf.function(
        lambda s: tf.nn.l2_normalize(
            tf.gather(module.table, tf.strings.to_hash_bucket_fast(s, 100)), -1
        ),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    module.regularization_losses = [
        tf.function(lambda: tf.nn.l2_loss(module.table), input_signature=[])
    ]
    module.trainable = [module.table]
    tf.saved_model.save(module, str(place.path), signatures={"default": module.encode})


@benign("b2-hugging-face", "savedmodel")
def _(place: Place):
    """A folder as on Hugging Face: tokenizer, configuration, a notebook, pictures and a SavedModel."""
    dense(place.path)
    (place.path / "config.json").write_text(
        json.dumps({"architectures": ["TFBertModel"], "model_type": "bert", "vocab_size": 100})
    )
    (place.path / "tokenizer.json").write_text(
        json.dumps(
            {
                "version": "1.0",
                "model": {"type": "WordPiece", "vocab": {"[PAD]": 0, "import": 1, "os": 2}},
            }
        )
    )
    (place.path / "vocab.txt").write_text("[PAD]\n[UNK]\nimport\nos\n#!\n")
    (place.path / ".gitattributes").write_text("*.h5 filter=lfs diff=lfs merge=lfs -text\n")
    (place.path / "thumbnail.png").write_bytes(
        tf.io.encode_png(tf.zeros([8, 8, 3], tf.uint8)).numpy()
    )
    (place.path / "requirements.txt").write_text("tensorflow==2.21.0\n")


@benign("b2-counter-table", "savedmodel")
def _(place: Place):
    """A mutable table that requests fill, and a random generator whose state is a variable."""
    table = tf.lookup.experimental.DenseHashTable(tf.int64, tf.int64, -1, -2, -1)
    generator = tf.random.Generator.from_seed(7)

    def serve(n):
        with tf.control_dependencies([table.insert(n[None], n[None] * 2)]):
            return {"y": table.lookup(n[None]), "r": generator.normal([2])}

    export(place.path, serve, tf.TensorSpec([], tf.int64, name="n"), extra=[table, generator])


def _lite(id, about, make):
    def build(place: Place):
        place.path.write_bytes(make())

    build.__doc__ = about
    benign(id, "tflite", ".tflite")(build)


def _mobilenet(**more):
    model = keras.applications.MobileNetV2((96, 96, 3), alpha=0.35, weights=None, classes=10)
    return fb.convert(lambda x: model(x), tf.TensorSpec([1, 96, 96, 3], tf.float32), **more)


def _stateful():
    module = tf.Module()
    module.count = tf.Variable(0.0)
    module.f = tf.function(
        lambda x: x + module.count.assign_add(1.0),
        input_signature=[tf.TensorSpec([1, 4], tf.float32)],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.f.get_concrete_function()], module
    )
    converter.experimental_enable_resource_variables = True
    return converter.convert()


def _table():
    import tempfile

    module = tf.Module()
    module.table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(["a", "b"]), tf.constant([1, 2], tf.int64)),
        -1,
    )
    module.f = tf.function(
        lambda s: module.table.lookup(s), input_signature=[tf.TensorSpec([1], tf.string)]
    )
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures=module.f)
        return tf.lite.TFLiteConverter.from_saved_model(folder).convert()


_lite("b2-tl-mobilenet", "MobileNetV2.", _mobilenet)
_lite(
    "b2-tl-mobilenet-int8", "MobileNetV2 with weights as bytes.", lambda: _mobilenet(optimise=True)
)
_lite("b2-tl-variable", "A variable that counts.", _stateful)
_lite("b2-tl-table", "A lookup table of texts.", _table)


@benign("b2-ck-sharded", "checkpoint")
def _(place: Place):
    """A checkpoint in shards with an iterator's state and strings."""
    place.path.mkdir(parents=True)
    with tf.Graph().as_default(), v1.Session() as session:
        for n in range(6):
            v1.get_variable(f"v{n}", [64, 64])
        session.run(v1.global_variables_initializer())
        v1.train.Saver(sharded=True).save(
            session, str(place.path / "model"), write_meta_graph=False, write_state=False
        )


@benign("b2-ck-iterator", "checkpoint")
def _(place: Place):
    """A checkpoint with the state of a dataset's iterator and of a generator."""
    place.path.mkdir(parents=True)
    iterator = iter(tf.data.Dataset.range(100).shuffle(10).batch(3))
    next(iterator)
    tf.train.Checkpoint(
        iterator=iterator, rng=tf.random.Generator.from_seed(3), step=tf.Variable(3)
    ).write(str(place.path / "ckpt-3"))


@benign("b2-ar-mac", "archive", ".zip")
def _(place: Place):
    """A zip as macOS makes it, with its own files beside the model's."""
    folder = scratch(place.path)
    dense(folder / "model")
    with zipfile.ZipFile(place.path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr(zipfile.ZipInfo("model/", (1980, 1, 1, 0, 0, 0)), b"")
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                name = str(file.relative_to(folder))
                out.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), file.read_bytes())
                out.writestr(
                    zipfile.ZipInfo(
                        f"__MACOSX/{file.parent.relative_to(folder)}/._{file.name}",
                        (1980, 1, 1, 0, 0, 0),
                    ),
                    b"\0\x05\x16\x07\0\x02\0\0Mac OS X        " + bytes(40),
                )
        out.writestr(
            zipfile.ZipInfo("model/.DS_Store", (1980, 1, 1, 0, 0, 0)),
            b"\0\0\0\x01Bud1" + bytes(100),
        )
