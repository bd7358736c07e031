"""Make the two models that the benchmark serves, their request bodies, and the answers that TensorFlow itself gives to them.

usage: make_models.py FOLDER
Writes FOLDER/<model>/1 (SavedModel), FOLDER/<model>/model.json (what a server without checks must be told: operations and shapes)
and FOLDER/<model>/<payload>.json with <payload>.expected.json. A server is only timed after it gave the expected answer.
"""

import json
import os
import shutil
import sys
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

SEED = 20


class HalfPlusTwo(tf.Module):
    def __init__(self):
        super().__init__()
        self.a = tf.Variable(0.5)
        self.b = tf.Variable(2.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def serve(self, x):
        return {"y": self.a * x + self.b}


def mobilenet(images):
    """MobileNetV2 without trained weights costs as much as with them. Its last layer is set so that the two pictures get clearly
    different answers: an untrained network answers nearly the same to all, and a check of such answers could not fail."""
    base = keras.applications.MobileNetV2(input_shape=(224, 224, 3), weights=None, name="base")
    features = keras.Model(base.input, base.layers[-2].output).predict(images, verbose=0)
    kernel, _ = base.layers[-1].get_weights()
    kernel = kernel / np.std((features[0] - features[1]) @ kernel)
    base.layers[-1].set_weights([kernel, -(features.mean(axis=0) @ kernel)])
    image = keras.Input((224, 224, 3), name="image")
    return keras.Model({"image": image}, {"probabilities": base(image)})


def describe(folder):
    """Operation names of the one input and output; the servers with a loader of their own find them in the signature."""
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((folder / "1" / "saved_model.pb").read_bytes())
    signature = saved.meta_graphs[0].signature_def["serving_default"]
    (input_name, source), (output_name, target) = *signature.inputs.items(), *signature.outputs.items()
    text = {
        "input": {"name": input_name, "operation": source.name.split(":")[0]},
        "output": {"name": output_name, "operation": target.name.split(":")[0], "index": int(target.name.split(":")[1])},
        "inputShape": [d.size for d in source.tensor_shape.dim],
        "outputShape": [d.size for d in target.tensor_shape.dim],
    }
    (folder / "model.json").write_text(json.dumps(text) + "\n")


def write_payload(folder, name, body, values):
    serve = tf.saved_model.load(folder / "1").signatures["serving_default"]
    (answer,) = serve(tf.constant(values)).values()
    (folder / f"{name}.json").write_text(body)
    (folder / f"{name}.expected.json").write_text(json.dumps({"predictions": answer.numpy().tolist()}))
    return answer.numpy()


def image_text(image, digits):
    """Nested lists written with at most that many significant digits; 17 digits are what Python and others print for a double."""
    text = np.char.mod(f"%.{digits}g", image)
    rows = ("[" + ",".join("[" + ",".join(pixel) + "]" for pixel in row) + "]" for row in text)
    return '{"instances":[[' + ",".join(rows) + "]]}"


def main():
    root = Path(sys.argv[1])
    shutil.rmtree(root, ignore_errors=True)
    keras.utils.set_random_seed(SEED)

    tiny = root / "half_plus_two"
    model = HalfPlusTwo()
    tf.saved_model.save(model, tiny / "1", signatures={"serving_default": model.serve})
    describe(tiny)
    write_payload(tiny, "tiny", '{"instances":[1.0,2.0,5.0]}', np.array([1, 2, 5], np.float32))

    generator = np.random.default_rng(SEED)
    # 0..1 as a client gets it from pixels, but not multiples of 1/255, so that every value really has its digits.
    images = np.clip(generator.random((2, 1, 1, 3)) + 0.3 * generator.standard_normal((2, 224, 224, 3)), 0.001, 1)
    folder = root / "mobilenet"
    mobilenet(images.astype(np.float32)).export(folder / "1", verbose=False)
    describe(folder)
    answers = []
    for name, digits, image in [("image8", 8, images[0]), ("image17", 17, images[0]), ("other", 8, images[1])]:
        body = image_text(image, digits)
        values = np.array(json.loads(body)["instances"], np.float32)
        answers.append(write_payload(folder, name, body, values))
    if np.abs(answers[0] - answers[2]).max() < 1e-3:
        raise SystemExit("both test images give the same answer: the check of the servers could not fail")
    print(f"models in {root.name}/: half_plus_two, mobilenet")


if __name__ == "__main__":
    main()
