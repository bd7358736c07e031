"""Makes the files that the attacks of the corpus reach for: harmless secrets of every format."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import h5py  # noqa: E402
import tensorflow as tf  # noqa: E402


def main(folder: Path) -> None:
    from fires import SECRET

    (folder / "out").mkdir(parents=True)
    (folder / "delete-me").mkdir()
    (folder / "secret.txt").write_bytes(SECRET)
    with tf.io.TFRecordWriter(str(folder / "secret.tfrecord")) as out:
        out.write(SECRET)
    with sqlite3.connect(folder / "secret.sqlite") as database:
        database.execute("CREATE TABLE secrets (text TEXT)")
        database.execute("INSERT INTO secrets VALUES (?)", [SECRET.decode()])
    with h5py.File(folder / "secret.h5", "w") as file:
        file["data"] = [4711.0, 1.0, 2.0]
    tensors = {"text": tf.constant(SECRET), "matrix": tf.fill([2, 2], 42.0)}
    for prefix in (folder / "secret-checkpoint", folder / "delete-me" / "part"):
        tf.raw_ops.SaveV2(
            prefix=str(prefix),
            tensor_names=list(tensors),
            shape_and_slices=["", ""],
            tensors=list(tensors.values()),
        )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    main(Path(sys.argv[1]))
