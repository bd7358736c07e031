"""The steps that a child of fires.py does: how each loader is driven, and what is given back."""

from __future__ import annotations

import ctypes
import glob
import json
from pathlib import Path

# The last step is the one whose effect is expected; none of those before it may show it.
STEPS = {
    "call": ("load-python", "call"),
    "api": ("load-python", "api"),
    "load-python": ("load-python",),
    "load-cpp": ("load-cpp",),
    "load-cpp-call": ("load-cpp", "call-cpp"),
    "keras-unsafe": ("load-keras-unsafe",),
    "keras-call": ("load-keras-unsafe", "call-keras"),
    "tflite": ("load-tflite",),
    "tflite-run": ("load-tflite", "run-tflite"),
    "import-graph": ("import", "run"),
    "import-graph-text": ("import", "run"),
    "import-meta": ("import", "run"),
    "checkpoint-state": ("latest-checkpoint",),
    "restore": ("restore",),
    "h5-read": ("read-h5",),
}


def plain(value):
    """Arrays as lists, and arrays of bytes as text."""
    import numpy as np

    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return value.tobytes() if value.dtype == np.uint8 else value.tolist()
    return value


class Runner:
    """Does the steps in the child."""

    def __init__(self, fires: dict, path: Path, canary: str, port: int):
        self.fires, self.path, self.canary, self.port = fires, str(path), canary, port
        self.tags = fires.get("tags")

    def serve(self, pipe) -> None:
        stream = pipe.makefile("r")
        for line in stream:
            try:
                text = getattr(self, line.strip().replace("-", "_"))()
                answer = {"end": "done", "text": str(plain(text))[:20000]}
            except BaseException as error:  # noqa: BLE001 - whatever happens is the answer
                answer = {"end": "failed", "text": f"{type(error).__name__}: {error}"[:4000]}
            pipe.sendall(json.dumps(answer).encode() + b"\n")

    def load_python(self):
        import tensorflow as tf

        if self.fires.get("hosts") == "pyfunc":
            self._host_function()
        self.model = tf.saved_model.load(self.path, tags=self.tags)

    def _host_function(self):
        """A program with Python functions of its own, one of which takes the model's token."""
        import tensorflow as tf

        def log(value):
            Path(self.canary, "out", "pyfunc").write_text("called")
            return value

        held = tf.function(lambda x: tf.numpy_function(log, [x], tf.float32))
        held.get_concrete_function(tf.TensorSpec([None, 4], tf.float32))
        self.host = held

    def call(self):
        signature = self.model.signatures[self.fires.get("signature", "serving_default")]
        result = signature(
            **{
                name: self._value(name, spec)
                for name, spec in signature.structured_input_signature[1].items()
            }
        )
        return {key: value.numpy() for key, value in result.items()}

    def _value(self, name, spec):
        import tensorflow as tf

        given = (self.fires.get("feed") or {}).get(name)
        if given is None and spec.dtype == tf.string:
            given = "hello"
        if isinstance(given, str):
            given = given.replace("{canary}", self.canary)
        shape = [
            1 if size is None else size
            for size in (spec.shape.as_list() if spec.shape.rank is not None else [])
        ]
        return tf.fill(
            shape,
            tf.cast(1 if given is None else given, spec.dtype)
            if not isinstance(given, str)
            else given,
        )

    def api(self):
        return self.model.debug().numpy()

    def load_cpp(self):
        library = self._library()
        status = ctypes.c_void_p(library.TF_NewStatus())
        options = ctypes.c_void_p(library.TF_NewSessionOptions())
        self.graph = ctypes.c_void_p(library.TF_NewGraph())
        tags = [tag.encode() for tag in (self.tags or ["serve"])]
        session = library.TF_LoadSessionFromSavedModel(
            options,
            None,
            self.path.encode(),
            (ctypes.c_char_p * len(tags))(*tags),
            len(tags),
            self.graph,
            None,
            status,
        )
        self.session = ctypes.c_void_p(session)
        self._check(library, status)

    def _library(self):
        import tensorflow as tf

        folder = Path(tf.__file__).parent
        library = ctypes.CDLL(glob.glob(str(folder / "libtensorflow_cc.so.*"))[0])
        for name in (
            "TF_NewStatus",
            "TF_NewSessionOptions",
            "TF_NewGraph",
            "TF_LoadSessionFromSavedModel",
        ):
            getattr(library, name).restype = ctypes.c_void_p
        library.TF_Message.restype = ctypes.c_char_p
        return library

    def _check(self, library, status):
        if library.TF_GetCode(status):
            raise RuntimeError(library.TF_Message(status).decode(errors="replace"))

    def call_cpp(self):
        """The signature in a TF1 session, which is the same graph and session as the C++ loader's."""
        import tensorflow as tf

        v1 = tf.compat.v1
        with tf.Graph().as_default(), v1.Session() as session:
            meta = v1.saved_model.load(session, ["serve"], self.path)
            signature = meta.signature_def["serving_default"]
            feed = {value.name: [[1.0] * 4] for value in signature.inputs.values()}
            return session.run([value.name for value in signature.outputs.values()], feed)

    def load_keras_unsafe(self):
        import keras

        self.model = keras.saving.load_model(self.path, safe_mode=False)

    def call_keras(self):
        import numpy as np

        self.model(np.ones([1, 4], np.float32))

    def load_tflite(self):
        import tensorflow as tf

        self.interpreter = tf.lite.Interpreter(self.path)
        self.interpreter.allocate_tensors()

    def run_tflite(self):
        self.interpreter.invoke()
        return [
            self.interpreter.get_tensor(each["index"])
            for each in self.interpreter.get_output_details()
        ]

    def _import(self):
        import tensorflow as tf

        v1 = tf.compat.v1
        self.session = v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            if self.fires["how"] == "import-meta":
                v1.train.import_meta_graph(self.path)
                return
            graph = v1.GraphDef()
            if self.fires["how"] == "import-graph-text":
                from google.protobuf import text_format

                text_format.Parse(Path(self.path).read_text(), graph)
            else:
                graph.ParseFromString(Path(self.path).read_bytes())
            v1.import_graph_def(graph, name="")

    def run(self):
        import numpy as np

        operations = {o.name for o in self.session.graph.get_operations()}
        feed = {"x:0": np.ones([1, 4], np.float32)} if "x" in operations else {}
        return self.session.run(self.fires["fetch"], feed)

    def latest_checkpoint(self):
        import tensorflow as tf

        return tf.train.latest_checkpoint(self.path)

    def restore(self):
        import tensorflow as tf

        reader = tf.train.load_checkpoint(f"{self.path}/model.ckpt")
        return {key: reader.get_tensor(key) for key in reader.get_variable_to_shape_map()}

    def read_h5(self):
        import h5py

        found = []
        with h5py.File(self.path) as file:

            def walk(group):
                for name in group:
                    held = group[name]
                    if isinstance(held, h5py.Group):
                        walk(held)
                    else:
                        value = held[()]
                        found.append(value)

            walk(file)
        return found


setattr(Runner, "import", Runner._import)
