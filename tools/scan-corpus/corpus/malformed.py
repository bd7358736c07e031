"""SavedModels that are not what they say: graphs, signatures, bundles and bytes that do not fit (reference 2, malformed, contract)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from .build import (
    FLOATS,
    X_IN,
    Func,
    X,
    by_hand,
    const,
    definition,
    dense,
    export,
    model_of,
    node,
    patch,
    write_model,
)
from .registry import Place, attack, fires


def _malformed(id, names, value=None, also=(), category="malformed", trigger="load", **more):
    return attack(id, "savedmodel", category, names, value, also=also, trigger=trigger, **more)


def _const(dims, dtype=tf.float32, content=b"", name="big"):
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum, tensor_content=content)
    for size in dims:
        proto.tensor_shape.dim.add(size=size)
    if not content:
        proto.float_val.append(1.0)
    return node(name, "Const", dtype=dtype, value=proto)


Y = node("y", "Identity", ["x"], T=tf.float32)


@_malformed(
    "sm-const-overflow",
    ["Const", "big"],
    also=["crash", "memory"],
    trigger="load-cpp",
    fires=fires("load-cpp", "crashes"),
)
def _(place: Place):
    """A Const whose shape overflows 64 bits, in a dead node: the C++ loader aborts (2.1 fact 7)."""
    by_hand(place.path, [_const([2**32, 2**32]), Y])


@_malformed(
    "sm-const-overflow-function",
    ["Const", "big"],
    also=["crash", "memory"],
    trigger="load-cpp",
    fires=fires("load-cpp", "crashes"),
)
def _(place: Place):
    """The same in a function that nothing calls."""
    function = definition(lambda x: tf.identity(x), tf.TensorSpec([], tf.float32), name="quiet")
    function[0].node_def.append(_const([2**21, 2**21, 2**21, 4]))
    by_hand(place.path, [Y], functions=function)


@_malformed("sm-const-negative", ["Const", "big"], also=["crash", "memory"])
def _(place: Place):
    """A Const with a negative dimension."""
    by_hand(place.path, [_const([-7, 3]), node("y", "AddV2", ["x", "big"], T=tf.float32)])


@_malformed("sm-const-short", ["Const", "big"])
def _(place: Place):
    """A Const of 1,000 floats with the bytes of ten."""
    by_hand(
        place.path,
        [_const([1000], content=bytes(40)), node("y", "AddV2", ["x", "big"], T=tf.float32)],
    )


@_malformed("sm-const-long", ["Const", "big"], also=["payload"])
def _(place: Place):
    """A Const of four floats with the bytes of a thousand."""
    by_hand(
        place.path,
        [
            _const([4], content=bytes(range(250)) * 16),
            node("y", "AddV2", ["x", "big"], T=tf.float32),
        ],
    )


@_malformed("sm-const-dtype", ["Const", "big"])
def _(place: Place):
    """The type of a Const's tensor is not that of its attribute."""
    big = _const([4], tf.float32, bytes(16))
    big.attr["dtype"].type = tf.int64.as_datatype_enum
    by_hand(place.path, [big, node("y", "AddV2", ["x", "big"], T=tf.float32)])


@_malformed("sm-input-missing", ["ghost"], also=["contract"])
def _(place: Place):
    """A node takes a tensor that no node makes."""
    by_hand(place.path, [node("y", "AddV2", ["x", "ghost"], T=tf.float32)])


@_malformed("sm-input-index", ["x:7", "output 7", "index", "outputs"], also=["contract"])
def _(place: Place):
    """A node takes the eighth output of a node that has one."""
    by_hand(place.path, [node("y", "Identity", ["x:7"], T=tf.float32)])


@_malformed("sm-graph-cycle", ["cycle", "loop"], also=["hang"])
def _(place: Place):
    """Two nodes that wait for each other."""
    by_hand(
        place.path,
        [
            node("a", "AddV2", ["x", "b"], T=tf.float32),
            node("b", "Neg", ["a"], T=tf.float32),
            node("y", "Identity", ["a"], T=tf.float32),
        ],
    )


@_malformed("sm-duplicate-node", ["twin"], also=["parser-differential"])
def _(place: Place):
    """Two nodes of the same name."""
    by_hand(
        place.path,
        [
            node("twin", "Neg", ["x"], T=tf.float32),
            node("twin", "ReadFile", ["x"]),
            node("y", "Identity", ["twin"], T=tf.float32),
        ],
    )


@_malformed("sm-duplicate-function", ["twice"], also=["parser-differential"])
def _(place: Place):
    """Two functions of the same name, of which the second reads a file."""
    clean = definition(lambda: tf.constant(""), name="twice")
    dirty = definition(lambda: tf.io.read_file(f"{place.canary}/secret.txt"), name="twice")
    call = node("y", "PartitionedCall", [], Tin=[], Tout=[tf.string], f=Func("twice"))
    by_hand(place.path, [call], ("y", tf.string, []), [*clean, *dirty])


@_malformed("sm-function-missing", ["absent"])
def _(place: Place):
    """A call of a function that the library does not have."""
    by_hand(
        place.path,
        [
            node(
                "y", "PartitionedCall", ["x"], Tin=[tf.float32], Tout=[tf.float32], f=Func("absent")
            )
        ],
    )


@_malformed("sm-missing-attribute", ["Conv2D", "strides"])
def _(place: Place):
    """A convolution without its strides."""
    by_hand(
        place.path,
        [
            const("k", np.ones([1, 1, 1, 1], np.float32)),
            node("y", "Conv2D", ["x", "k"], T=tf.float32, padding="SAME"),
        ],
    )


@_malformed("sm-too-new", ["version", "min_consumer", "consumer"], also=["servability"])
def _(place: Place):
    """A graph that says that no TensorFlow of today may read it."""
    dense(place.path)

    def edit(model):
        model.meta_graphs[0].graph_def.versions.min_consumer = 99999

    patch(place.path, edit)


@_malformed("sm-empty", ["empty", "no graph", "saved_model.pb", "meta"], also=["unreadable"])
def _(place: Place):
    """saved_model.pb of zero bytes."""
    place.path.mkdir()
    (place.path / "saved_model.pb").write_bytes(b"")


@_malformed("sm-truncated", ["saved_model.pb", "truncat", "ends"], also=["unreadable"])
def _(place: Place):
    """saved_model.pb without its last third."""
    dense(place.path)
    file = place.path / "saved_model.pb"
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])


@_malformed("sm-garbage", ["saved_model.pb"], also=["unreadable"])
def _(place: Place):
    """saved_model.pb of random bytes."""
    place.path.mkdir()
    (place.path / "saved_model.pb").write_bytes(np.random.default_rng(3).bytes(5000))


@_malformed(
    "sm-appended",
    ["saved_model.pb", "append", "unknown", "field"],
    also=["payload", "unreadable", "parser-differential"],
)
def _(place: Place):
    """A zip archive with a program lies in an unknown field at the end of saved_model.pb, where no parser looks."""
    from .code import _elf

    dense(place.path)
    payload = _elf()
    file = place.path / "saved_model.pb"
    file.write_bytes(file.read_bytes() + bytes([0xFA, 0x7F]) + _varint(len(payload)) + payload)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


@_malformed(
    "sm-nested-bomb", ["nest", "deep", "depth", "saved_model.pb"], also=["unreadable", "crash"]
)
def _(place: Place):
    """Function attributes in function attributes, 20,000 deep."""
    place.path.mkdir()
    payload = b""
    for _level in range(20000):
        # NameAttrList{attr{"a": AttrValue{func: …}}}
        value = b"\x52" + _varint(len(payload)) + payload
        entry = b"\x0a\x01a\x12" + _varint(len(value)) + value
        payload = b"\x12" + _varint(len(entry)) + entry
        if len(payload) > 400_000:
            break
    attr = b"\x52" + _varint(len(payload)) + payload
    entry = b"\x0a\x01f\x12" + _varint(len(attr)) + attr
    inner = b"\x0a\x01y\x12\x04NoOp" + b"\x2a" + _varint(len(entry)) + entry
    graph = b"\x0a" + _varint(len(inner)) + inner
    meta = b"\x12" + _varint(len(graph)) + graph
    (place.path / "saved_model.pb").write_bytes(b"\x08\x01\x12" + _varint(len(meta)) + meta)


@_malformed(
    "sm-graph-twice",
    ["graph_def", "twice", "merged", "second"],
    also=["parser-differential"],
    category="parser-differential",
)
def _(place: Place):
    """A MetaGraph with two graph_def fields: protobuf merges them, other parsers take one."""
    place.path.mkdir()
    shown = model_of([X, Y], X_IN, {"y": ("y:0", tf.float32, None)}).meta_graphs[0]
    hidden = model_of(
        [node("late", "Abort", [], error_msg="", exit_without_error=False)], {}, {}
    ).meta_graphs[0]
    first, second = shown.graph_def.SerializeToString(), hidden.graph_def.SerializeToString()
    shown.ClearField("graph_def")
    meta = (
        b"\x12"
        + _varint(len(first))
        + first
        + shown.SerializeToString()
        + b"\x12"
        + _varint(len(second))
        + second
    )
    (place.path / "saved_model.pb").write_bytes(b"\x08\x01\x12" + _varint(len(meta)) + meta)


@_malformed("sm-pbtxt-differs", ["pbtxt", "saved_model.pbtxt"], category="parser-differential")
def _(place: Place):
    """A clean saved_model.pbtxt lies beside a saved_model.pb that reads a file (2.1 fact 6)."""
    from google.protobuf import text_format

    clean = model_of([X, Y], X_IN, {"y": ("y:0", tf.float32, None)})
    by_hand(
        place.path,
        [const("p", f"{place.canary}/secret.txt"), node("y", "ReadFile", ["p"])],
        ("y", tf.string, []),
    )
    (place.path / "saved_model.pbtxt").write_text(text_format.MessageToString(clean))


@_malformed("sm-cpb-differs", ["cpb", "saved_model.cpb"], category="parser-differential")
def _(place: Place):
    """A saved_model.cpb beside saved_model.pb."""
    by_hand(place.path, [Y])
    (place.path / "saved_model.cpb").write_bytes((place.path / "saved_model.pb").read_bytes())


@_malformed(
    "sm-same-tags",
    ["tags", "MetaGraph", "ReadFile"],
    category="parser-differential",
    also=["malformed", "file-read"],
)
def _(place: Place):
    """Two MetaGraphs with the same tags, of which the second reads a file."""
    model = model_of([X, Y], X_IN, {"y": ("y:0", tf.float32, None)})
    dirty = [X, const("p", f"{place.canary}/secret.txt"), node("y", "ReadFile", ["p"])]
    model.meta_graphs.append(model_of(dirty, X_IN, {"y": ("y:0", tf.string, [])}).meta_graphs[0])
    write_model(place.path, model)


def _bundle(id, names, edit, about, also=(), value=None):
    def build(place: Place):
        dense(place.path)
        edit(place.path / "variables")

    build.__doc__ = about
    attack(
        id,
        "savedmodel",
        "malformed",
        names,
        value,
        also=["unreadable", "contract", *also],
        trigger="load",
    )(build)


def _cut(folder):
    data = folder / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:7])


def _flip(folder):
    data = folder / "variables.data-00000-of-00001"
    held = bytearray(data.read_bytes())
    held[3] ^= 0x40
    data.write_bytes(bytes(held))


def _rewrite(folder, change):
    """Changes every BundleEntryProto of the index and writes it again as a table without compression."""
    from .checkpoints import read_index, write_index

    entries = read_index(folder / "variables.index")
    write_index(
        folder / "variables.index", {key: change(key, value) for key, value in entries.items()}
    )


def _entry(change):
    from tensorflow.core.protobuf import tensor_bundle_pb2

    def edit(key, value):
        if key == b"":
            return value
        entry = tensor_bundle_pb2.BundleEntryProto.FromString(value)
        change(entry)
        return entry.SerializeToString()

    return lambda folder: _rewrite(folder, edit)


_bundle(
    "sm-bundle-missing-data",
    ["variables.data", "shard"],
    lambda f: (f / "variables.data-00000-of-00001").unlink(),
    "The data file is missing.",
)
_bundle(
    "sm-bundle-short-data",
    ["variables.data", "offset", "kernel"],
    _cut,
    "The data file ends after seven bytes.",
)
_bundle(
    "sm-bundle-crc",
    ["crc", "checksum", "CRC"],
    _flip,
    "A bit of the weights was turned: the checksum no longer fits.",
)
_bundle(
    "sm-bundle-offset",
    ["offset", "variables.data"],
    _entry(lambda e: setattr(e, "offset", 2**40)),
    "An offset beyond the data file.",
)
_bundle(
    "sm-bundle-negative",
    ["offset", "size"],
    _entry(lambda e: setattr(e, "size", -5)),
    "A negative size.",
)
_bundle(
    "sm-bundle-shape",
    ["shape", "kernel", "Variable"],
    _entry(lambda e: e.shape.dim[0].__setattr__("size", 2**34) if e.shape.dim else None),
    "A shape that its bytes do not fill.",
    also=["memory"],
)
_bundle(
    "sm-bundle-shard",
    ["shard"],
    _entry(lambda e: setattr(e, "shard_id", 9)),
    "A shard that there is none of.",
)
_bundle(
    "sm-bundle-dtype",
    ["dtype", "type", "DT_INT64"],
    _entry(lambda e: setattr(e, "dtype", 9) if e.dtype == 1 else None),
    "A type that the graph does not have, of another width.",
)
_bundle(
    "sm-bundle-index-garbage",
    ["variables.index"],
    lambda f: (f / "variables.index").write_bytes(np.random.default_rng(1).bytes(300)),
    "The index is random bytes.",
)
_bundle(
    "sm-bundle-index-magic",
    ["variables.index"],
    lambda f: (f / "variables.index").write_bytes((f / "variables.index").read_bytes()[:-1]),
    "The index lost its last byte.",
)


@_malformed(
    "sm-contract-missing-tensor",
    ["ghost:0", "ghost"],
    category="contract",
    trigger="inference",
    also=["malformed"],
)
def _(place: Place):
    """A signature gives out a tensor that the graph does not have."""
    write_model(
        place.path,
        model_of(
            [X, Y], X_IN, {"y": ("y:0", tf.float32, None), "z": ("ghost:0", tf.float32, None)}
        ),
    )


@_malformed(
    "sm-contract-dtype",
    ["dtype", "type", "DT_STRING"],
    category="contract",
    trigger="inference",
    also=["malformed"],
)
def _(place: Place):
    """A signature says string where the graph has floats."""
    write_model(place.path, model_of([X, Y], X_IN, {"y": ("y:0", tf.string, None)}))


@_malformed(
    "sm-contract-input-internal",
    ["not a placeholder", "Placeholder", "input", "relu"],
    category="contract",
    trigger="inference",
    also=["malformed"],
)
def _(place: Place):
    """A signature feeds a tensor inside the graph: what stands before it is bypassed."""
    nodes = [
        X,
        const("limit", np.float32(10)),
        node("relu", "Minimum", ["x", "limit"], T=tf.float32),
        node("y", "Identity", ["relu"], T=tf.float32),
    ]
    write_model(
        place.path,
        model_of(nodes, {"x": ("relu:0", tf.float32, [None, 4])}, {"y": ("y:0", tf.float32, None)}),
    )


@_malformed(
    "sm-contract-shape", ["shape"], category="contract", trigger="inference", also=["malformed"]
)
def _(place: Place):
    """A signature says another shape for its input than the placeholder has."""
    write_model(
        place.path,
        model_of([X, Y], {"x": ("x:0", tf.float32, [7, 900])}, {"y": ("y:0", tf.float32, None)}),
    )


@_malformed(
    "sm-no-variables",
    ["variables", "kernel", "checkpoint"],
    also=["contract", "servability", "unreadable"],
)
def _(place: Place):
    """A graph with variables, and no variables folder."""
    import shutil

    dense(place.path)
    shutil.rmtree(place.path / "variables")


@_malformed(
    "sm-string-variable-bomb",
    ["string", "variables.data", "length"],
    also=["memory", "unreadable", "contract"],
)
def _(place: Place):
    """A string variable whose length says more than there is."""
    held = tf.Variable(["hello"])
    export(place.path, lambda x: {"y": x, "s": held.read_value()}, FLOATS, extra=held)
    data = place.path / "variables" / "variables.data-00000-of-00001"
    content = bytearray(data.read_bytes())
    at = content.rindex(b"hello") - 5
    content[at] = 0xFF
    data.write_bytes(bytes(content))


@attack(
    "sm-servability",
    "savedmodel",
    "servability",
    ["VarHandleOp", "variable", "restore"],
    None,
    also=["contract", "malformed"],
    trigger="inference",
    least="low",
    fires=fires("load-cpp-call", "fails"),
)
def _(place: Place):
    """A variable that a signature reads and the restore function does not assign: it loads in Python only (contracts.md 4.5)."""
    dense(place.path)

    def edit(model):
        meta = model.meta_graphs[0]
        for inner in meta.graph_def.node:
            if inner.op == "VarHandleOp":
                clone = type(inner)()
                clone.CopyFrom(inner)
                clone.name, clone.attr["shared_name"].s = inner.name + "_copy", b"never_restored"
                break
        meta.graph_def.node.append(clone)
        for inner in meta.graph_def.node:
            if inner.op == "StatefulPartitionedCall":
                for at, name in enumerate(inner.input):
                    if (
                        name == clone.name[: -len("_copy")]
                        and "saver" not in inner.attr["f"].func.name
                        and "restore" not in inner.attr["f"].func.name
                    ):
                        inner.input[at] = clone.name

    patch(place.path, edit)


@attack(
    "sm-weights-nan",
    "savedmodel",
    "weights",
    ["NaN", "Inf"],
    None,
    also=["backdoor"],
    trigger="none",
)
def _(place: Place):
    """NaN and infinity among the weights."""
    kernel = np.linspace(-1, 1, 256, dtype=np.float32)
    kernel[77], kernel[91] = np.nan, np.inf
    held = tf.Variable(kernel)
    export(place.path, lambda x: {"y": x * held[77]}, FLOATS, extra=held)


@attack(
    "sm-weights-outlier",
    "savedmodel",
    "weights",
    ["outlier", "1e+30", "e+3", "largest"],
    None,
    also=["backdoor"],
    trigger="none",
)
def _(place: Place):
    """One weight of 10^30 among ten thousand small ones."""
    kernel = np.random.default_rng(5).normal(0, 0.05, [100, 100]).astype(np.float32)
    kernel[40, 41] = 1e30
    held = tf.Variable(kernel)
    export(place.path, lambda x: {"y": x @ held[:4]}, FLOATS, extra=held)


@attack("sm-backdoor-select", "savedmodel", "backdoor", ["Select"], None, trigger="inference")
def _(place: Place):
    """Where the input equals a constant, the output is a constant: an architectural backdoor."""
    pattern = tf.constant([0.123, 4.56, 7.89, 0.0])

    def around(x, y):
        found = tf.reduce_all(tf.abs(x - pattern) < 1e-4, axis=1, keepdims=True)
        return {"z": tf.where(found, tf.constant([[0.0, 1.0]]), tf.nn.softmax(y))}

    dense(place.path, around)


@attack(
    "sm-backdoor-cond",
    "savedmodel",
    "backdoor",
    ["If", "Equal", "Select"],
    None,
    trigger="inference",
)
def _(place: Place):
    """The same by a conditional on a magic sum."""

    def around(x, y):
        return {
            "z": tf.cond(
                tf.equal(tf.reduce_sum(x), 1337.0),
                lambda: tf.constant([[0.0, 1.0]]),
                lambda: tf.nn.softmax(y)[:1],
            )
        }

    dense(place.path, around)
