"""Checkpoints of TF1 and TF2, hostile and benign, and the table format of their index."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import tensor_bundle_pb2

from .build import v1
from .registry import Place, attack, benign, fires

MAGIC = 0xDB4775248B80FB57


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _block(data: bytes, offset: int, size: int) -> list[tuple[bytes, bytes]]:
    block = data[offset : offset + size]
    assert data[offset + size] == 0, "compressed"
    end = size - 4 - 4 * struct.unpack_from("<I", block, size - 4)[0]
    at, key, found = 0, b"", []
    while at < end:
        shared, at = _read_varint(block, at)
        own, at = _read_varint(block, at)
        length, at = _read_varint(block, at)
        key = key[:shared] + block[at : at + own]
        found.append((key, block[at + own : at + own + length]))
        at += own + length
    return found


def read_index(path: Path) -> dict[bytes, bytes]:
    """Keys and values of a table file (LevelDB's SSTable without compression)."""
    data = path.read_bytes()
    footer = data[-48:]
    at = 0
    handle = []
    for _ in range(4):
        value, at = _read_varint(footer, at)
        handle.append(value)
    entries = {}
    for _, value in _block(data, handle[2], handle[3]):
        offset, next_at = _read_varint(value, 0)
        size, _ = _read_varint(value, next_at)
        entries.update(_block(data, offset, size))
    return entries


def write_index(path: Path, entries: dict[bytes, bytes] | list[tuple[bytes, bytes]]) -> None:
    """Writes such a file with a single data block."""
    rows = entries if isinstance(entries, list) else sorted(entries.items())
    out = bytearray()

    def block(items) -> bytes:
        body = b"".join(b"\0" + _varint(len(k)) + _varint(len(v)) + k + v for k, v in items)
        body += struct.pack("<II", 0, 1)
        handle = _varint(len(out)) + _varint(len(body))
        out.extend(body + b"\0" + struct.pack("<I", _masked_crc(body + b"\0")))
        return handle

    data = block(rows)
    meta = block([])
    index = block([(rows[-1][0] + b"\xff", data)])
    out.extend((meta + index).ljust(40, b"\0") + struct.pack("<Q", MAGIC))
    path.write_bytes(bytes(out))


def _masked_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 255] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _table() -> list[int]:
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_TABLE = _table()


def _save(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    held = tf.train.Checkpoint(
        kernel=tf.Variable(np.ones([4, 2], np.float32)), step=tf.Variable(7, dtype=tf.int64)
    )
    return held.write(str(folder / "model.ckpt"))


def _edit(folder: Path, change, header=None) -> None:
    index = folder / "model.ckpt.index"
    rows = read_index(index)
    for key in list(rows):
        if key == b"":
            if header:
                proto = tensor_bundle_pb2.BundleHeaderProto.FromString(rows[key])
                header(proto)
                rows[key] = proto.SerializeToString()
        else:
            proto = tensor_bundle_pb2.BundleEntryProto.FromString(rows[key])
            change(proto)
            rows[key] = proto.SerializeToString()
    write_index(index, rows)


def _ckpt(id, category, names, about, edit, value=None, also=(), trigger="load", shows=None):
    def build(place: Place):
        _save(place.path)
        edit(place)

    build.__doc__ = about
    attack(
        id,
        "checkpoint",
        category,
        names,
        value,
        also=["unreadable", *also],
        trigger=trigger,
        fires=shows,
    )(build)


def _state(text: str):
    return lambda place: (place.path / "checkpoint").write_text(text.format(canary=place.canary))


_ckpt(
    "ck-state-absolute",
    "path-traversal",
    ["checkpoint", "model_checkpoint_path"],
    "The state file points to another folder of the machine.",
    _state(
        'model_checkpoint_path: "{canary}/secret-checkpoint"\nall_model_checkpoint_paths: "{canary}/secret-checkpoint"\n'
    ),
    "secret-checkpoint",
    ["file-read"],
    shows=fires("checkpoint-state", "returns", "secret-checkpoint"),
    trigger="load-python",
)
_ckpt(
    "ck-state-climbs",
    "path-traversal",
    ["checkpoint", "model_checkpoint_path"],
    "The state file climbs out of its folder.",
    _state('model_checkpoint_path: "../../../../etc/model.ckpt"\n'),
    "../../",
    ["file-read"],
    shows=None,
    trigger="load-python",
)
_ckpt(
    "ck-offset",
    "malformed",
    ["offset", "model.ckpt"],
    "An offset beyond the data.",
    lambda p: _edit(p.path, lambda e: setattr(e, "offset", 2**50)),
    shows=fires("restore", "fails"),
)
_ckpt(
    "ck-huge-shape",
    "memory",
    ["shape", "kernel"],
    "A tensor of four terabytes in a file of bytes.",
    lambda p: _edit(
        p.path, lambda e: e.shape.dim[0].__setattr__("size", 2**40) if e.shape.dim else None
    ),
    also=["malformed"],
)
_ckpt(
    "ck-overflow",
    "malformed",
    ["shape", "kernel", "overflow"],
    "A shape whose product overflows.",
    lambda p: _edit(
        p.path,
        lambda e: (
            [e.shape.dim[0].__setattr__("size", 2**62), e.shape.dim[1].__setattr__("size", 2**62)]
            if e.shape.dim
            else None
        ),
    ),
    also=["memory", "crash"],
    shows=fires("restore", "crashes"),
)
_ckpt(
    "ck-shards",
    "malformed",
    ["shard"],
    "A header that says a million shards.",
    lambda p: _edit(p.path, lambda e: None, lambda h: setattr(h, "num_shards", 1000000)),
)
_ckpt(
    "ck-crc",
    "malformed",
    ["crc", "checksum", "CRC"],
    "A turned bit.",
    lambda p: _turn(p.path / "model.ckpt.data-00000-of-00001"),
    shows=fires("restore", "fails"),
)
_ckpt(
    "ck-nan",
    "weights",
    ["NaN"],
    "A checkpoint of NaN.",
    lambda p: _write(p, np.full([40, 20], np.nan, np.float32)),
    trigger="none",
    also=["backdoor"],
)
_ckpt(
    "ck-program",
    "payload",
    ["ELF", "executable", "program"],
    "A program in the weights.",
    lambda p: _write(p, _elf_floats()),
    trigger="none",
    also=["weights"],
)
_ckpt(
    "ck-data-symlink",
    "path-traversal",
    ["symlink", "symbolic", "model.ckpt.data"],
    "The data file is a symbolic link out of the folder.",
    lambda p: _link(p),
    also=["file-read"],
)


def _turn(file: Path):
    held = bytearray(file.read_bytes())
    held[2] ^= 4
    file.write_bytes(bytes(held))


def _write(place: Place, value):
    for file in place.path.iterdir():
        file.unlink()
    tf.train.Checkpoint(kernel=tf.Variable(value)).write(str(place.path / "model.ckpt"))


def _elf_floats():
    from .code import _elf

    return np.frombuffer(_elf().ljust(4096, b"\0")[:4096], np.int32).copy()


def _link(place: Place):
    data = place.path / "model.ckpt.data-00000-of-00001"
    data.unlink()
    data.symlink_to("/etc/hostname")


@attack(
    "ck-duplicate-keys",
    "checkpoint",
    "parser-differential",
    ["duplicate", "twice", "order"],
    None,
    also=["malformed", "unreadable"],
    trigger="load",
)
def _(place: Place):
    """An index with the same key twice."""
    _save(place.path)
    rows = sorted(read_index(place.path / "model.ckpt.index").items())
    write_index(place.path / "model.ckpt.index", [rows[0], rows[1], rows[1], *rows[2:]])


@benign("b-ck-tf2", "checkpoint")
def _(place: Place):
    """A TF2 checkpoint with its state, an optimizer and two saves."""
    place.path.mkdir(parents=True)
    import keras

    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(3), keras.layers.Dense(1)])
    held = tf.train.Checkpoint(model=model, step=tf.Variable(0, dtype=tf.int64))
    manager = tf.train.CheckpointManager(held, str(place.path), max_to_keep=2)
    manager.save(1)
    manager.save(2)


@benign("b-ck-plain", "checkpoint")
def _(place: Place):
    """A single checkpoint, as Checkpoint.write leaves it."""
    _save(place.path)


@benign("b-ck-tf1", "checkpoint")
def _(place: Place):
    """A TF1 checkpoint with MetaGraph and state file, as Saver.save leaves it."""
    place.path.mkdir(parents=True)
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 4], "x")
        w = v1.get_variable("w", [4, 2])
        v1.nn.xw_plus_b(x, w, v1.get_variable("b", [2]))
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(place.path / "model.ckpt"), global_step=10)
    state = place.path / "checkpoint"
    state.write_text(
        'model_checkpoint_path: "model.ckpt-10"\nall_model_checkpoint_paths: "model.ckpt-10"\n'
    )


@benign("b-ck-many", "checkpoint")
def _(place: Place):
    """A hundred variables of all types, strings among them."""
    place.path.mkdir(parents=True)
    types = [
        tf.float16,
        tf.float32,
        tf.float64,
        tf.bfloat16,
        tf.int8,
        tf.uint8,
        tf.int32,
        tf.int64,
        tf.bool,
        tf.complex64,
    ]
    values = {
        f"v{n}": tf.Variable(tf.cast(tf.reshape(tf.range(12), [3, 4]) % 2, types[n % 10]))
        for n in range(100)
    }
    tf.train.Checkpoint(words=tf.Variable(["a", "long word", ""]), **values).write(
        str(place.path / "all")
    )


@benign("b-ck-keras-weights", "checkpoint")
def _(place: Place):
    """What ModelCheckpoint's TensorFlow format left in Keras 2: a checkpoint with an optimizer and its slots."""
    place.path.mkdir(parents=True)
    variable = tf.Variable(np.random.default_rng(0).normal(size=[64, 64]).astype(np.float32))
    slots = {f"slot{n}": tf.Variable(tf.zeros([64, 64])) for n in range(2)}
    tf.train.Checkpoint(
        layer=tf.train.Checkpoint(kernel=variable), optimizer=tf.train.Checkpoint(**slots)
    ).write(str(place.path / "cp.ckpt"))


@benign("b-ck-tf1-absolute", "checkpoint")
def _(place: Place):
    """A TF1 checkpoint that was copied from where it was trained: its Saver wrote absolute paths, which no longer lead anywhere."""
    place.path.mkdir(parents=True)
    with tf.Graph().as_default(), v1.Session() as session:
        v1.get_variable("w", [4, 2])
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(place.path / "model.ckpt"), global_step=20)
    trained = "/home/ml/runs/2019-03-01/model.ckpt"
    paths = "".join(f'all_model_checkpoint_paths: "{trained}-{step}"\n' for step in (10, 20))
    (place.path / "checkpoint").write_text(f'model_checkpoint_path: "{trained}-20"\n{paths}')
