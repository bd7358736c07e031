"""Train the tabular example and export it as a SavedModel with one signature of several named, differently typed inputs.

Writes, beside this file: 1/ (the SavedModel, with its vocabulary as an asset), metrics.json, request.json, and the measured part of
README.md. Every number in those files is one this run measured on wines that training never saw. It needs no network: the data
ship inside scikit-learn.
"""

import contextlib
import csv
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import sklearn
import tensorflow as tf
from sklearn.datasets import load_wine
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split

HERE = Path(__file__).resolve().parent
SEED = 20
STEPS = 600
LEARNING_RATE = 0.2
L2 = 1e-3
TEST_SHARE = 0.3
MAX_FOLDER_BYTES = 300_000

FLOATS = ["alcohol", "flavanoids", "hue"]
# The laboratory counted these in whole milligrams, so whole numbers they stay.
INTEGERS = ["magnesium", "proline"]
COLOURS = ["pale", "medium", "deep"]
CULTIVARS = ["class_0", "class_1", "class_2"]


def load_split():
    """Columns by name. `colour` is the measured colour intensity put into words; its two borders come from the training rows alone."""
    wine = load_wine()
    table = dict(zip(wine.feature_names, wine.data.T))
    rows = np.arange(len(wine.target))
    train, test = train_test_split(rows, test_size=TEST_SHARE, stratify=wine.target, random_state=SEED)
    borders = np.quantile(table["color_intensity"][train], [1 / 3, 2 / 3])
    split = [(columns({k: v[part] for k, v in table.items()}, borders), wine.target[part]) for part in (train, test)]
    return *split, [round(float(b), 4) for b in borders]


def columns(table, borders):
    out = {name: table[name].astype(np.float32) for name in FLOATS}
    for name in INTEGERS:
        values = table[name]
        if not np.array_equal(values, np.round(values)):
            raise SystemExit(f"{name} is not made of whole numbers in this data set")
        out[name] = values.astype(np.int64)
    out["colour"] = np.array([COLOURS[i] for i in np.digitize(table["color_intensity"], borders)], dtype=object)
    return out


def write_training_rows(file):
    """The rows that the model is trained on, for `airlock contract profile`."""
    (inputs, _), _, _ = load_split()
    with open(file, "w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(inputs)
        # Each number as its type writes it: the shortest decimal of a float32, whole numbers as they are.
        rows.writerows(zip(*inputs.values()))


class WineModel(tf.Module):
    """Softmax regression over standardised numbers and one column per colour.

    The vocabulary is a file, so the SavedModel carries it in assets/ and a server must load a table before it can answer. A colour
    that the file does not list has no column of its own and adds nothing.
    """

    def __init__(self, vocabulary_file, train):
        super().__init__()
        numbers = np.stack([train[name].astype(np.float32) for name in FLOATS + INTEGERS], axis=1)
        self.mean = tf.Variable(numbers.mean(axis=0), trainable=False, name="mean")
        self.deviation = tf.Variable(numbers.std(axis=0), trainable=False, name="deviation")
        width = len(FLOATS) + len(INTEGERS) + len(COLOURS)
        self.weights = tf.Variable(tf.zeros([width, len(CULTIVARS)]), name="weights")
        self.bias = tf.Variable(tf.zeros([len(CULTIVARS)]), name="bias")
        self.colours = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                str(vocabulary_file),
                key_dtype=tf.string,
                key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
                value_dtype=tf.int64,
                value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
            ),
            default_value=-1,
        )

    def logits(self, inputs):
        numbers = tf.stack([tf.cast(inputs[name], tf.float32) for name in FLOATS + INTEGERS], axis=1)
        colour = tf.one_hot(self.colours.lookup(inputs["colour"]), len(COLOURS))
        return tf.concat([(numbers - self.mean) / self.deviation, colour], axis=1) @ self.weights + self.bias

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.float32, name) for name in FLOATS]
        + [tf.TensorSpec([None], tf.int64, name) for name in INTEGERS]
        + [tf.TensorSpec([None], tf.string, "colour")]
    )
    def serve(self, alcohol, flavanoids, hue, magnesium, proline, colour):
        probabilities = tf.nn.softmax(
            self.logits(
                {
                    "alcohol": alcohol,
                    "flavanoids": flavanoids,
                    "hue": hue,
                    "magnesium": magnesium,
                    "proline": proline,
                    "colour": colour,
                }
            )
        )
        cultivar = tf.gather(tf.constant(CULTIVARS), tf.argmax(probabilities, axis=1))
        return {"probabilities": probabilities, "cultivar": cultivar}


def train(model, inputs, labels):
    """Plain gradient descent on all rows at once: the problem is convex, so nothing cleverer is needed."""
    tensors = {name: tf.constant(values) for name, values in inputs.items()}
    for step in range(STEPS):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=model.logits(tensors))
            ) + L2 * tf.nn.l2_loss(model.weights)
        for variable, gradient in zip(model.trainable_variables, tape.gradient(loss, model.trainable_variables)):
            variable.assign_sub(LEARNING_RATE * gradient)
        if (step + 1) % 200 == 0:
            print(f"step {step + 1} of {STEPS}: loss {float(loss):.4f}")


def export(model):
    folder = HERE / "1"
    shutil.rmtree(folder, ignore_errors=True)
    tf.saved_model.save(model, folder, signatures={"serving_default": model.serve})
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    if size > MAX_FOLDER_BYTES:
        raise SystemExit(f"the export is {size} bytes; this example promises less than {MAX_FOLDER_BYTES}")
    return folder, size


def write_readme(metrics):
    path = HERE / "README.md"
    begin, end = "<!-- measured by train.py -->", "<!-- end -->"
    before, rest = path.read_text().split(begin)
    after = rest.split(end)[1]
    rows = ["| grown \\ answered | " + " | ".join(CULTIVARS) + " |", "|---" * 4 + "|"]
    rows += [f"| **{CULTIVARS[i]}** | " + " | ".join(map(str, row)) + " |" for i, row in enumerate(metrics["confusion"])]
    table = "\n".join(rows)
    sample, borders = metrics["sample"], metrics["colour_borders"]
    text = (
        f"Test accuracy **{metrics['test_accuracy']:.4f}** ({metrics['test_correct']} of {metrics['test_count']} wines that training "
        f"never saw;\n{metrics['train_count']} were trained on). {metrics['folder_bytes']:,} bytes on disk. Colour is `pale` below an "
        f"intensity of {borders[0]}, `deep` from {borders[1]} on, `medium` between.\n\n{table}\n\n"
        f"`request.json` holds one of the test wines, really **{sample['label']}**; the model answers `{sample['predicted']}` with "
        f"probability {sample['probability']:.4f}.\n"
    )
    path.write_text(f"{before}{begin}\n{text}{end}{after}")


def json_row(inputs, index):
    """One wine as a client writes it: whole numbers without a point, floats as short as float32 allows."""
    row = {name: float(str(inputs[name][index])) for name in FLOATS}
    row |= {name: int(inputs[name][index]) for name in INTEGERS}
    return row | {"colour": inputs["colour"][index]}


def main():
    tf.random.set_seed(SEED)
    (train_inputs, train_labels), (test_inputs, test_labels), borders = load_split()
    # TensorFlow writes the vocabulary's path into the graph as the table's name: a bare name keeps this machine's folders out of it.
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        vocabulary = Path("colours.txt")
        vocabulary.write_text("\n".join(COLOURS) + "\n")
        model = WineModel(vocabulary, train_inputs)
        train(model, train_inputs, train_labels)
        folder, size = export(model)

    # The numbers come from the exported files, because those are what is served; the scratch vocabulary is gone by now.
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    answer = serve(**{name: tf.constant(values) for name, values in test_inputs.items()})
    probabilities = answer["probabilities"].numpy()
    answered = np.array([CULTIVARS.index(name.decode()) for name in answer["cultivar"].numpy()])
    metrics = {
        "data": "scikit-learn load_wine, 178 wines of three cultivars",
        "seed": SEED,
        "versions": {"tensorflow": tf.__version__, "scikit-learn": sklearn.__version__},
        "train_count": len(train_labels),
        "test_count": len(test_labels),
        "test_correct": int((answered == test_labels).sum()),
        "test_accuracy": round(float((answered == test_labels).mean()), 6),
        "folder_bytes": size,
        "colour_borders": borders,
        "confusion": confusion_matrix(test_labels, answered).tolist(),
        "sample": {
            "file": "request.json",
            "label": CULTIVARS[test_labels[0]],
            "predicted": CULTIVARS[answered[0]],
            "probability": round(float(probabilities[0].max()), 6),
        },
    }
    (HERE / "request.json").write_text(json.dumps({"instances": [json_row(test_inputs, 0)]}) + "\n")
    (HERE / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    write_readme(metrics)
    print(f"test accuracy {metrics['test_accuracy']:.4f}, {size} bytes in {folder.name}/")


if __name__ == "__main__":
    # `train.py rows train.csv` only writes the training rows.
    if sys.argv[1:2] == ["rows"]:
        write_training_rows(sys.argv[2])
    else:
        main()
