"""Models in zip, tar and gzip, and archives that attack whoever unpacks them."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile

from . import flatbuffer as fb
from .build import archive_tar, archive_zip, by_hand, const, dense, node, scratch, tf
from .keras_attacks import lambda_layer, shell, with_layer, write
from .registry import Place, attack, benign


def _reader(place: Place):
    folder = scratch(place.path)
    by_hand(
        folder / "model" / "1",
        [const("p", f"{place.canary}/secret.txt"), node("y", "ReadFile", ["p"])],
        ("y", tf.string, []),
    )
    return folder


@attack("ar-zip-read", "archive", "file-read", "ReadFile", "secret.txt", suffix=".zip")
def _(place: Place):
    """A SavedModel in a zip."""
    archive_zip(place.path, _reader(place))


@attack("ar-tar-read", "archive", "file-read", "ReadFile", "secret.txt", suffix=".tar")
def _(place: Place):
    """A SavedModel in a tar."""
    archive_tar(place.path, _reader(place))


@attack("ar-tgz-read", "archive", "file-read", "ReadFile", "secret.txt", suffix=".tar.gz")
def _(place: Place):
    """A SavedModel in a compressed tar, as TF Hub had them."""
    archive_tar(place.path, _reader(place), "w:gz")


@attack("ar-nested-zip", "archive", "file-read", "ReadFile", "secret.txt", suffix=".zip")
def _(place: Place):
    """A zip in a tar in a zip."""
    folder = scratch(place.path)
    inner = folder / "a"
    (inner / "b").mkdir(parents=True)
    source = folder / "source"
    by_hand(
        source,
        [const("p", f"{place.canary}/secret.txt"), node("y", "ReadFile", ["p"])],
        ("y", tf.string, []),
    )
    archive_zip(inner / "b" / "model.zip", source)
    (folder / "c").mkdir()
    archive_tar(folder / "c" / "data.tar", inner)
    archive_zip(place.path, folder / "c")


@attack(
    "ar-no-extension",
    "archive",
    "code-execution",
    "Lambda",
    None,
    suffix=".model",
    trigger="load-python",
)
def _(place: Place):
    """A Keras archive in a zip with an extension that nobody knows."""
    folder = scratch(place.path)
    folder.mkdir(parents=True)
    write(folder / "weights.dat", with_layer(lambda_layer(shell())))
    archive_zip(place.path, folder)


@attack(
    "ar-zip-slip",
    "archive",
    "path-traversal",
    ["../"],
    "etc/cron.d",
    suffix=".zip",
    trigger="parse",
    also=["file-write"],
)
def _(place: Place):
    """A member that climbs out."""
    with zipfile.ZipFile(place.path, "w") as out:
        out.writestr(zipfile.ZipInfo("saved_model.pb", (1980, 1, 1, 0, 0, 0)), b"\x08\x01")
        out.writestr(
            zipfile.ZipInfo("../../../etc/cron.d/model", (1980, 1, 1, 0, 0, 0)),
            b"* * * * * root id\n",
        )


@attack(
    "ar-tar-slip",
    "archive",
    "path-traversal",
    ["/root/.ssh", "absolute"],
    None,
    suffix=".tar",
    trigger="parse",
    also=["file-write"],
)
def _(place: Place):
    """A tar member with an absolute name."""
    _tar(place, [("/root/.ssh/authorized_keys", b"ssh-ed25519 AAAA", None)])


@attack(
    "ar-tar-symlink",
    "archive",
    "path-traversal",
    ["link", "symlink"],
    None,
    suffix=".tar",
    trigger="parse",
    also=["file-write", "file-read"],
)
def _(place: Place):
    """A tar with a symbolic link out, and a member that is written through it."""
    _tar(place, [("assets", b"", "/etc"), ("assets/passwd", b"root::0:0:::/bin/sh\n", None)])


@attack(
    "ar-tar-device",
    "archive",
    "path-traversal",
    ["device", "special", "fifo"],
    None,
    suffix=".tar",
    trigger="parse",
    also=["hang", "malformed", "payload", "unreadable"],
)
def _(place: Place):
    """A tar with a device node."""
    with tarfile.open(place.path, "w") as out:
        info = tarfile.TarInfo("variables/variables.data-00000-of-00001")
        info.type, info.devmajor, info.devminor = tarfile.BLKTYPE, 8, 0
        out.addfile(info)


def _tar(place: Place, members):
    with tarfile.open(place.path, "w") as out:
        for name, data, link in members:
            info = tarfile.TarInfo(name)
            if link:
                info.type, info.linkname = tarfile.SYMTYPE, link
                out.addfile(info)
            else:
                info.size = len(data)
                out.addfile(info, io.BytesIO(data))


@attack(
    "ar-gzip-bomb",
    "archive",
    "memory",
    ["expand", "bomb", "ratio", "grow", "too much", "inflate"],
    None,
    suffix=".gz",
    trigger="parse",
    also=["malformed", "unreadable"],
)
def _(place: Place):
    """Gzip in gzip: some kilobytes, then four megabytes, then four gigabytes."""
    member = gzip.compress(bytes(1 << 24), mtime=0)
    place.path.write_bytes(gzip.compress(member * 256, mtime=0))


@attack(
    "ar-zip-encrypted",
    "archive",
    "malformed",
    ["encrypt", "password"],
    None,
    suffix=".zip",
    trigger="none",
    also=["unreadable", "payload"],
)
def _(place: Place):
    """A member that says it is encrypted: nobody can look into it."""
    archive_zip(place.path, _reader(place))
    data = bytearray(place.path.read_bytes())
    for magic, at_flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(magic)
        while at >= 0:
            data[at + at_flags] |= 1
            at = data.find(magic, at + 4)
    place.path.write_bytes(bytes(data))


@benign("b-ar-zip", "archive", ".zip")
def _(place: Place):
    """A SavedModel in a zip."""
    folder = scratch(place.path)
    dense(folder / "model")
    archive_zip(place.path, folder)


@benign("b-ar-tgz", "archive", ".tar.gz")
def _(place: Place):
    """A SavedModel in a compressed tar."""
    folder = scratch(place.path)
    dense(folder)
    archive_tar(place.path, folder, "w:gz", "./")


@benign("b-ar-tar", "archive", ".tar")
def _(place: Place):
    """Two versions of a SavedModel in a tar."""
    folder = scratch(place.path)
    dense(folder / "1")
    dense(folder / "2")
    archive_tar(place.path, folder)


@benign("b-ar-gz", "archive", ".tflite.gz")
def _(place: Place):
    """A TFLite model in gzip."""
    place.path.write_bytes(gzip.compress(fb.dense(), mtime=0))


@benign("b-ar-labels", "archive", ".zip")
def _(place: Place):
    """A TFLite model, its labels and a licence in a zip."""
    folder = scratch(place.path)
    folder.mkdir(parents=True)
    (folder / "model.tflite").write_bytes(fb.dense((8,)))
    (folder / "labels.txt").write_text("cat\ndog\n")
    (folder / "LICENSE").write_text("Apache License, Version 2.0\n")
    archive_zip(place.path, folder)
