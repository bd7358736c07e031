"""Keras models that nobody should be warned of, as .keras, .h5 and JSON."""

from __future__ import annotations

import json

import keras
import numpy as np

from .benign_saved_models import (
    _attention,
    _preprocessing,
    _residual,
    _sequential,
    _transformer,
    _vectorization,
)
from .registry import Place, benign

L = keras.layers


def _compiled():
    model = _sequential(L.Dense(8, "relu", kernel_regularizer="l2"), L.Dense(3, "softmax"))
    model.compile(
        keras.optimizers.AdamW(0.01, weight_decay=0.1),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(np.random.default_rng(0).normal(size=[16, 8]), np.arange(16) % 3, verbose=0)
    return model


def _rnn():
    return _sequential(
        L.Masking(),
        L.Bidirectional(L.LSTM(4, return_sequences=True)),
        L.TimeDistributed(L.Dense(2)),
        L.GRU(3),
        L.Dense(1),
        shape=(None, 5),
    )


def _branches():
    a, b = keras.Input([4], name="a"), keras.Input([3], name="b")
    shared = L.Dense(
        5,
        activation="gelu",
        kernel_initializer=keras.initializers.HeNormal(3),
        kernel_constraint=keras.constraints.MaxNorm(2),
    )
    joined = L.Concatenate()([shared(a), L.Dense(5)(b)])
    return keras.Model(
        [a, b], [L.Dense(1, name="p")(joined), L.Dense(2, name="q")(L.Dropout(0.2)(joined))]
    )


@keras.saving.register_keras_serializable(package="shop")
class Scale(L.Layer):
    """A custom layer, registered under a package of its own."""

    def __init__(self, factor=2.0, **more):
        super().__init__(**more)
        self.factor = factor

    def call(self, x):
        return x * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable(package="shop")
def soft_sign_loss(expected, given):
    """A custom loss, stored by its registered name."""
    return keras.ops.mean(keras.ops.abs(expected - given))


def _custom():
    model = _sequential(L.Dense(4), Scale(3.0), L.Dense(1))
    model.compile("sgd", soft_sign_loss)
    return model


def _mixed():
    return _sequential(
        L.Dense(8, "relu", dtype="mixed_float16"), L.Dense(2, dtype=keras.DTypePolicy("float32"))
    )


def _convolution():
    return _sequential(
        L.Rescaling(1 / 127.5, -1),
        L.Conv2D(4, 3, padding="same"),
        L.BatchNormalization(),
        L.ReLU(),
        L.SpatialDropout2D(0.1),
        L.SeparableConv2D(8, 3),
        L.GlobalAveragePooling2D(),
        L.Dense(2),
        shape=(24, 24, 3),
    )


def _nested():
    inner = keras.Sequential([keras.Input([8]), L.Dense(4, name="lambda_like")], name="encoder")
    return keras.Sequential(
        [keras.Input([8]), inner, keras.Sequential([L.Dense(2)], name="head")],
        name="lambda_network",
    )


def _operations():
    x = keras.Input([8])
    y = keras.ops.exp(x) + keras.ops.reshape(x, [-1, 8]) * 0.5
    return keras.Model(x, keras.ops.softmax(y))


def _lookups():
    word, number = (
        keras.Input([1], dtype="string", name="word"),
        keras.Input([1], dtype="int64", name="number"),
    )
    a = L.StringLookup(vocabulary=["/usr/bin", "http://example.org", "c"], output_mode="one_hot")(
        word
    )
    b = L.IntegerLookup(vocabulary=[1, 5, 9], output_mode="one_hot")(number)
    return keras.Model([word, number], L.Dense(1)(L.Concatenate()([a, b])))


def _augmented():
    return _sequential(
        L.RandomFlip("horizontal"),
        L.RandomRotation(0.2),
        L.RandomContrast(0.1),
        L.CenterCrop(20, 20),
        L.Flatten(),
        L.Dense(1),
        shape=(24, 24, 3),
    )


MODELS = {
    "compiled": ("Compiled and trained, with its optimizer.", _compiled),
    "rnn": ("Wrappers around recurrent layers.", _rnn),
    "branches": (
        "Two inputs, two outputs, a shared layer, initializers and constraints.",
        _branches,
    ),
    "custom": ("A custom layer and loss by registered name.", _custom),
    "mixed": ("Mixed precision.", _mixed),
    "convolution": ("A convolutional network.", _convolution),
    "nested": ("Models in a model, with names that say lambda.", _nested),
    "attention": ("Attention over an embedding.", _attention),
    "preprocessing": ("Normalisation that was adapted, and buckets.", _preprocessing),
    "vectorization": ("TextVectorization with its vocabulary inside.", _vectorization),
    "transformer": ("A transformer.", _transformer),
    "lookups": ("Lookups whose vocabulary has words that look like paths.", _lookups),
    "augmented": ("Augmentation layers.", _augmented),
    "operations": ("keras.ops as nodes of a functional model.", _operations),
    "residual": ("A deeper network.", _residual),
}
IN_H5 = (
    "compiled",
    "rnn",
    "branches",
    "convolution",
    "nested",
    "preprocessing",
    "mixed",
    "residual",
)


def _add(name, about, make, suffix, format):
    def build(place: Place):
        make().save(place.path)

    build.__doc__ = about
    benign(f"b-{'k3' if format == 'keras' else 'h5'}-{name}", format, suffix)(build)


for _name, (_about, _make) in MODELS.items():
    _add(_name, _about, _make, ".keras", "keras")
for _name in IN_H5:
    _add(_name, MODELS[_name][0], MODELS[_name][1], ".h5", "h5")


@benign("b-h5-legacy", "h5", ".hdf5")
def _(place: Place):
    """A Keras 2 model."""
    from .h5_attacks import write
    from .keras_attacks import legacy

    write(
        place.path,
        legacy([]),
        {
            "loss": "mse",
            "metrics": ["mae"],
            "optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.001}},
        },
    )


@benign("b-h5-weights", "h5", ".weights.h5")
def _(place: Place):
    """Weights alone."""
    _convolution().save_weights(place.path)


@benign("b-h5-compressed", "h5", ".h5")
def _(place: Place):
    """Compressed and chunked datasets with scalar attributes, dates and links inside the file."""
    import h5py

    with h5py.File(place.path, "w") as file:
        random = np.random.default_rng(0)
        data = file.create_dataset(
            "layer/kernel",
            data=random.normal(size=[200, 100]).astype(np.float32),
            chunks=(50, 50),
            compression="gzip",
            shuffle=True,
        )
        data.attrs["trained"] = "2024-01-01"
        file["alias"] = h5py.SoftLink("/layer/kernel")
        file["layer/bias"] = np.zeros(100, np.float16)


@benign("b-kj-keras3", "keras-json", ".json")
def _(place: Place):
    """to_json of Keras 3."""
    place.path.write_text(_branches().to_json())


@benign("b-kj-legacy", "keras-json", ".json")
def _(place: Place):
    """to_json of Keras 2."""
    from .keras_attacks import legacy

    place.path.write_text(
        json.dumps(
            legacy(
                [
                    {
                        "class_name": "LSTM",
                        "config": {"name": "lstm", "units": 4, "activation": "tanh"},
                    }
                ]
            )
        )
    )


@benign("b-kj-custom", "keras-json", ".json")
def _(place: Place):
    """to_json with a custom layer."""
    place.path.write_text(_custom().to_json())
