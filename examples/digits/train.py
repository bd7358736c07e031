"""Train the digits example and export it as a SavedModel.

Writes, beside this file: 1/ (the SavedModel), metrics.json, request.json, and the measured part of README.md.
Every number in those files is one this run measured on digits that training never saw. It needs no network: the scans ship
inside scikit-learn.
"""

import json
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import sklearn
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

HERE = Path(__file__).resolve().parent
SEED = 20
EPOCHS = 60
BATCH_SIZE = 32
TEST_SHARE = 0.2
MAX_FOLDER_BYTES = 300_000


def load_split():
    """Scans as float32 [n, 8, 8, 1] in 0..1 (the data set counts ink from 0 to 16), split with equal shares per digit."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[..., np.newaxis]
    return train_test_split(images, digits.target, test_size=TEST_SHARE, stratify=digits.target, random_state=SEED)


def build_model():
    """The layer names become the signature's aliases, so they are what a client writes: `image` in, `probabilities` out."""
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    x = keras.layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dropout(0.3)(x)
    x = keras.layers.Dense(32, activation="relu")(x)
    probabilities = keras.layers.Dense(10, activation="softmax", name="probabilities")(x)
    return keras.Model({"image": image}, {"probabilities": probabilities})


def shifted(images, generator):
    """Each scan moved by at most one pixel: a writer's hand does not stop at the cell's edge, and 1,437 scans are few."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    corners = generator.integers(0, 3, size=(len(images), 2))
    return np.stack([padded[i, y : y + 8, x : x + 8] for i, (y, x) in enumerate(corners)])


def train(model, images, labels):
    generator = np.random.default_rng(SEED)
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * -(-len(images) // BATCH_SIZE))
    model.compile(keras.optimizers.Adam(schedule), loss={"probabilities": "sparse_categorical_crossentropy"})
    for epoch in range(EPOCHS):
        history = model.fit(
            {"image": shifted(images, generator)}, {"probabilities": labels}, batch_size=BATCH_SIZE, epochs=1, verbose=0
        )
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1} of {EPOCHS}: loss {history.history['loss'][0]:.4f}")


def export(model):
    folder = HERE / "1"
    shutil.rmtree(folder, ignore_errors=True)
    model.export(folder, verbose=False)
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    if size > MAX_FOLDER_BYTES:
        raise SystemExit(f"the export is {size} bytes; this example promises less than {MAX_FOLDER_BYTES}")
    return folder, size


def confusion_table(matrix):
    rows = ["| written \\ read as | " + " | ".join(map(str, range(10))) + " |", "|---" * 11 + "|"]
    rows += [f"| **{i}** | " + " | ".join(str(v) if v else "·" for v in row) + " |" for i, row in enumerate(matrix)]
    return "\n".join(rows)


def write_readme(metrics):
    path = HERE / "README.md"
    begin, end = "<!-- measured by train.py -->", "<!-- end -->"
    before, rest = path.read_text().split(begin)
    after = rest.split(end)[1]
    sample = metrics["sample"]
    text = (
        f"Test accuracy **{metrics['test_accuracy']:.4f}** ({metrics['test_correct']} of {metrics['test_count']} scans that training "
        f"never saw; {metrics['train_count']} were trained on). {metrics['parameters']:,} parameters, "
        f"{metrics['folder_bytes']:,} bytes on disk.\n\n{confusion_table(metrics['confusion'])}\n\n"
        f"`request.json` holds one of the test scans, a written **{sample['label']}**; the model reads it as "
        f"{sample['predicted']} with probability {sample['probability']:.4f}.\n"
    )
    path.write_text(f"{before}{begin}\n{text}{end}{after}")


def main():
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    train_images, test_images, train_labels, test_labels = load_split()
    model = build_model()
    train(model, train_images, train_labels)
    folder, size = export(model)

    # The numbers come from the exported files, because those are what is served.
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    probabilities = serve(image=tf.constant(test_images))["probabilities"].numpy()
    read_as = probabilities.argmax(axis=1)
    metrics = {
        "data": "scikit-learn load_digits, 1797 scans of 8x8",
        "seed": SEED,
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__, "scikit-learn": sklearn.__version__},
        "train_count": len(train_labels),
        "test_count": len(test_labels),
        "test_correct": int((read_as == test_labels).sum()),
        "test_accuracy": round(float((read_as == test_labels).mean()), 6),
        "parameters": model.count_params(),
        "folder_bytes": size,
        "confusion": confusion_matrix(test_labels, read_as).tolist(),
        "sample": {
            "file": "request.json",
            "label": int(test_labels[0]),
            "predicted": int(read_as[0]),
            "probability": round(float(probabilities[0].max()), 6),
        },
    }
    (HERE / "request.json").write_text(json.dumps({"instances": test_images[:1].tolist()}) + "\n")
    (HERE / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    write_readme(metrics)
    print(f"test accuracy {metrics['test_accuracy']:.4f}, {size} bytes in {folder.name}/")


if __name__ == "__main__":
    # `train.py images train.npy` only writes the training scans, for `airlock contract profile`.
    if sys.argv[1:2] == ["images"]:
        np.save(sys.argv[2], load_split()[0])
    else:
        main()
