"""Every way in which Python runs a SavedModel. (The C++ loader is tried by the test itself, through Airlock's own worker.)"""
import tensorflow as tf


def as_arrays(result):
    if isinstance(result, dict):
        return {key: value.numpy() for key, value in result.items()}
    return {"result": (result[0] if isinstance(result, (list, tuple)) else result).numpy()}


class SessionModel:
    """The loader of TensorFlow 1: the main graph."""

    def __init__(self, path, signature, config=None):
        graph = tf.Graph()
        with graph.as_default():
            self.session = tf.compat.v1.Session(graph=graph, config=config)
            self.definition = tf.compat.v1.saved_model.load(self.session, ["serve"], path).signature_def[signature]

    def run(self, feeds):
        outputs = {key: value.name for key, value in self.definition.outputs.items()}
        return self.session.run(outputs, {self.definition.inputs[key].name: value for key, value in feeds.items()})


class SignatureModel:
    """tf.saved_model.load(…).signatures[…]: functions, without the main graph."""

    def __init__(self, path, signature):
        self.model = tf.saved_model.load(path)
        self.function = self.model.signatures[signature]

    def run(self, feeds):
        return as_arrays(self.function(**{key: tf.constant(value) for key, value in feeds.items()}))


class CallableModel:
    """What the module itself offers: model.serve(x), model.f(x)."""

    def __init__(self, path, signature):
        self.model = tf.saved_model.load(path)
        names = ["serve", "score", "f", "_default_save_signature"]
        self.function = next((getattr(self.model, name) for name in names if hasattr(self.model, name)), None)
        if self.function is None or signature != "serving_default":
            raise LookupError("the model has no such endpoint")

    def run(self, feeds):
        return as_arrays(self.function(*[tf.constant(value) for value in feeds.values()]))


LOADERS = {"session": SessionModel, "signatures": SignatureModel, "callable": CallableModel}
