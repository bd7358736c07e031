"""TFLite models from the generated schema: built as objects, changed, and packed again."""

from __future__ import annotations

import flatbuffers
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

CODES = schema.BuiltinOperator


def tensor(name, shape, kind=schema.TensorType.FLOAT32, buffer=0):
    made = schema.TensorT()
    made.name, made.shape, made.type, made.buffer, made.hasRank = (
        name.encode(),
        list(shape),
        kind,
        buffer,
        True,
    )
    return made


def operator(opcode, inputs, outputs, options=None, options_type=0, custom: bytes | None = None):
    made = schema.OperatorT()
    made.opcodeIndex, made.inputs, made.outputs = opcode, list(inputs), list(outputs)
    made.builtinOptions, made.builtinOptionsType = options, options_type
    if custom is not None:
        made.customOptions = np.frombuffer(custom, np.uint8)
    return made


def code(builtin, custom: str | None = None, version=1):
    made = schema.OperatorCodeT()
    made.builtinCode, made.deprecatedBuiltinCode, made.version = builtin, min(builtin, 127), version
    made.customCode = custom.encode() if custom else None
    return made


def buffer(data: bytes | np.ndarray = b""):
    made = schema.BufferT()
    if len(data):
        made.data = np.frombuffer(bytes(data), np.uint8)
    return made


def subgraph(tensors, inputs, outputs, operators, name="main"):
    made = schema.SubGraphT()
    made.tensors, made.inputs, made.outputs, made.operators, made.name = (
        tensors,
        inputs,
        outputs,
        operators,
        name.encode(),
    )
    return made


def model(codes, subgraphs, buffers=()):
    made = schema.ModelT()
    made.version, made.operatorCodes, made.subgraphs = 3, codes, subgraphs
    made.buffers, made.description = [buffer(), *buffers], b"made for the corpus"
    return made


def pack(value) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(value.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def unpack(data: bytes):
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))


def dense(layers=(3, 1)) -> bytes:
    """A dense network through the real converter."""
    import keras

    network = keras.Sequential(
        [
            keras.Input([4], batch_size=1),
            *[keras.layers.Dense(n, activation="relu") for n in layers],
        ]
    )
    return convert(lambda x: network(x), tf.TensorSpec([1, 4], tf.float32))


def convert(fn, *specs, ops=None, optimise=False, data=None) -> bytes:
    module = tf.Module()
    module.f = tf.function(fn, input_signature=specs)
    held = module.f.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([held], module)
    if ops:
        converter.target_spec.supported_ops = ops
    if optimise:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if data:
        converter.representative_dataset = data
    return converter.convert()
