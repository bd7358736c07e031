"""Builders of SavedModels and graphs: from tf.function, from a TF1 graph, and by editing protobufs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import attr_value_pb2, graph_pb2, node_def_pb2, tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

raw = tf.raw_ops
v1 = tf.compat.v1
FLOATS = tf.TensorSpec([None, 4], tf.float32, name="x")
STRING = tf.TensorSpec([], tf.string, name="s")
COUNT = tf.TensorSpec([], tf.int64, name="n")


def export(
    path: Path, fn: Callable, *specs: tf.TensorSpec, more: dict | None = None, extra=None
) -> tf.Module:
    """Saves `fn` as signature serving_default of a module with a small dense layer, as an ordinary model has."""
    module = tf.Module()
    module.kernel = tf.Variable(
        np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2), name="kernel"
    )
    module.extra = extra
    function = tf.function(fn, input_signature=specs or (FLOATS,), autograph=False)
    module.serve = function
    signatures = {"serving_default": function, **(more or {})}
    tf.saved_model.save(module, str(path), signatures=signatures)
    return module


def dense(path: Path, around: Callable | None = None, more: dict | None = None) -> None:
    """A dense layer; `around(x, y)` may add outputs, or be run beside it."""
    kernel = tf.Variable(np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2), name="kernel")

    def serve(x):
        y = tf.matmul(x, kernel)
        added = around(x, y) if around else None
        return {"y": y, **(added or {})}

    module = tf.Module()
    module.kernel = kernel
    module.serve = tf.function(serve, input_signature=(FLOATS,), autograph=False)
    tf.saved_model.save(
        module, str(path), signatures={"serving_default": module.serve, **(more or {})}
    )


def export_v1(path: Path, build: Callable, tags=("serve",), **options) -> None:
    """Saves what `build()` returns as (inputs, outputs[, add_meta_graph options]) by the TF1 builder."""
    builder = v1.saved_model.Builder(str(path))
    with tf.Graph().as_default(), v1.Session() as session:
        built = build()
        inputs, outputs = built[0], built[1]
        more = {**options, **(built[2] if len(built) > 2 else {})}
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.signature_def_utils.predict_signature_def(inputs, outputs)
        signatures = {"serving_default": signature, **more.pop("signatures", {})}
        builder.add_meta_graph_and_variables(session, list(tags), signatures, **more)
    builder.save()


def patch(path: Path, edit: Callable[[saved_model_pb2.SavedModel], None]) -> None:
    """Edits saved_model.pb."""
    file = path / "saved_model.pb"
    model = saved_model_pb2.SavedModel()
    model.ParseFromString(file.read_bytes())
    edit(model)
    file.write_bytes(model.SerializeToString(deterministic=True))
    (path / "fingerprint.pb").unlink(missing_ok=True)


def graph_of(build: Callable) -> graph_pb2.GraphDef:
    """The GraphDef that `build()` makes."""
    with tf.Graph().as_default() as graph:
        build()
        return graph.as_graph_def()


def node(name: str, op: str, inputs=(), device: str = "", **attrs) -> node_def_pb2.NodeDef:
    """One NodeDef; attributes are guessed from Python values (types by `tf.DType`)."""
    result = node_def_pb2.NodeDef(name=name, op=op, input=list(inputs), device=device)
    for key, value in attrs.items():
        result.attr[key].CopyFrom(attr(value))
    return result


def attr(value) -> attr_value_pb2.AttrValue:
    """An AttrValue from a Python value."""
    if isinstance(value, attr_value_pb2.AttrValue):
        return value
    if isinstance(value, bool):
        return attr_value_pb2.AttrValue(b=value)
    if isinstance(value, int):
        return attr_value_pb2.AttrValue(i=value)
    if isinstance(value, float):
        return attr_value_pb2.AttrValue(f=value)
    if isinstance(value, (str, bytes)):
        return attr_value_pb2.AttrValue(s=value.encode() if isinstance(value, str) else value)
    if isinstance(value, tf.DType):
        return attr_value_pb2.AttrValue(type=value.as_datatype_enum)
    if isinstance(value, tf.TensorShape):
        return attr_value_pb2.AttrValue(shape=value.as_proto())
    if isinstance(value, tensor_pb2.TensorProto):
        return attr_value_pb2.AttrValue(tensor=value)
    if isinstance(value, np.ndarray):
        return attr_value_pb2.AttrValue(tensor=tf.make_tensor_proto(value))
    if isinstance(value, Func):
        result = attr_value_pb2.AttrValue()
        result.func.name = value.name
        for key, inner in value.attrs.items():
            result.func.attr[key].CopyFrom(attr(inner))
        return result
    if isinstance(value, (list, tuple)):
        result = attr_value_pb2.AttrValue()
        result.list.SetInParent()
        for item in value:
            one = attr(item)
            kind = one.WhichOneof("value")
            getattr(result.list, kind).append(getattr(one, kind))
        return result
    raise TypeError(type(value))


class Func:
    """A function attribute: NameAttrList."""

    def __init__(self, name: str, **attrs):
        self.name, self.attrs = name, attrs


def const(name: str, value, dtype=None) -> node_def_pb2.NodeDef:
    """A Const node."""
    proto = tf.make_tensor_proto(value, dtype)
    return node(name, "Const", dtype=tf.as_dtype(proto.dtype), value=proto)


def splat(name: str, shape, dtype=tf.float32) -> node_def_pb2.NodeDef:
    """A Const of that shape with a single stored value, which TensorFlow repeats."""
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    proto.float_val.append(1.0)
    return node(name, "Const", dtype=dtype, value=proto)


def model_of(
    nodes, inputs: dict, outputs: dict, functions=(), init: str | None = None
) -> saved_model_pb2.SavedModel:
    """A SavedModel of nodes written by hand; inputs and outputs are {key: (tensor, dtype, shape)}."""
    model = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    meta = model.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    meta.meta_info_def.tensorflow_version = "2.21.0"
    meta.graph_def.versions.producer = 2500
    meta.graph_def.node.extend(nodes)
    meta.graph_def.library.function.extend(functions)
    add_signature(meta, "serving_default", inputs, outputs)
    if init:
        meta.signature_def["__saved_model_init_op"].outputs["__saved_model_init_op"].name = init
        meta.signature_def["__saved_model_init_op"].outputs[
            "__saved_model_init_op"
        ].tensor_shape.unknown_rank = True
    return model


def add_signature(meta: meta_graph_pb2.MetaGraphDef, key: str, inputs: dict, outputs: dict) -> None:
    signature = meta.signature_def[key]
    signature.method_name = "tensorflow/serving/predict"
    for table, entries in ((signature.inputs, inputs), (signature.outputs, outputs)):
        for name, (tensor, dtype, shape) in entries.items():
            table[name].name = tensor
            table[name].dtype = dtype.as_datatype_enum
            table[name].tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())


def write_model(path: Path, model: saved_model_pb2.SavedModel) -> None:
    path.mkdir(parents=True, exist_ok=True)
    (path / "saved_model.pb").write_bytes(model.SerializeToString(deterministic=True))


X = node("x", "Placeholder", dtype=tf.float32, shape=tf.TensorShape([None, 4]))
X_IN = {"x": ("x:0", tf.float32, [None, 4])}


def by_hand(path: Path, nodes, output=("y", tf.float32, None), functions=(), init=None) -> None:
    """A SavedModel with input `x`, nodes by hand and one output."""
    name, dtype, shape = output
    write_model(
        path, model_of([X, *nodes], X_IN, {"y": (f"{name}:0", dtype, shape)}, functions, init)
    )


def definition(fn: Callable, *specs: tf.TensorSpec, name: str | None = None):
    """The FunctionDef of a tf.function without captures, and those that it calls, renamed to `name`."""
    concrete = tf.function(fn, input_signature=specs, autograph=False).get_concrete_function()
    library = concrete.graph.as_graph_def().library.function
    own = concrete.function_def
    result = type(own)()
    result.CopyFrom(own)
    if name:
        result.signature.name = name
    for key in list(result.attr):
        if key.startswith("_") or key in ("api_implements", "api_preferred_device"):
            del result.attr[key]
    for argument in result.arg_attr.values():
        argument.attr.pop("_user_specified_name", None)
    return [result, *library]


def archive_zip(path: Path, folder: Path, prefix: str = "") -> None:
    """Zips a folder with constant time stamps."""
    import zipfile

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                info = zipfile.ZipInfo(
                    prefix + str(file.relative_to(folder)), (1980, 1, 1, 0, 0, 0)
                )
                out.writestr(info, file.read_bytes())


def archive_tar(path: Path, folder: Path, mode: str = "w", prefix: str = "") -> None:
    """Tars a folder with constant time stamps."""
    import gzip
    import io
    import tarfile

    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as out:
        for file in sorted(folder.rglob("*")):
            info = tarfile.TarInfo(prefix + str(file.relative_to(folder)))
            if file.is_file():
                info.size = file.stat().st_size
                out.addfile(info, io.BytesIO(file.read_bytes()))
    path.write_bytes(gzip.compress(held.getvalue(), mtime=0) if mode == "w:gz" else held.getvalue())


def scratch(path: Path) -> Path:
    """An empty path beside the artefact for what is only a step to it. Each call empties it; gone when make.py ends."""
    folder = path.parent / f".scratch-{path.name}"
    shutil.rmtree(folder, ignore_errors=True)
    return folder


__all__ = [name for name in dir() if not name.startswith("_")]
