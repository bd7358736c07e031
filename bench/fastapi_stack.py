"""The ordinary Python stack: FastAPI, a pydantic model of the request and of the answer, TensorFlow in the same process, one uvicorn
worker with uvloop and httptools.

usage: fastapi_stack.py --model DIR --port N [--threadpool]
The endpoint is `async def`, which is the faster way for tiny models, or with --threadpool a plain `def`, which FastAPI runs on a
thread so that the event loop can parse the next body meanwhile. The answer goes out through the response model, which current FastAPI
serialises in pydantic's own Rust code.
"""

import argparse
import json
import os
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

parser = argparse.ArgumentParser()
parser.add_argument("--model", type=Path, required=True)
parser.add_argument("--port", type=int, required=True)
parser.add_argument("--threadpool", action="store_true")
flags = parser.parse_args()

# One thread per operation, as for the other stacks.
tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)

description = json.loads((flags.model / "model.json").read_text())
loaded = tf.saved_model.load(flags.model / "1")
signature = loaded.signatures["serving_default"]
input_name, output_name = description["input"]["name"], description["output"]["name"]


def nested(depth):
    kind = float
    for _ in range(depth):
        kind = list[kind]
    return kind


class PredictRequest(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    instances: nested(len(description["inputShape"]))


class PredictResponse(BaseModel):
    predictions: nested(len(description["outputShape"]))


def answer(request):
    values = tf.constant(np.asarray(request.instances, dtype=np.float32))
    return PredictResponse(predictions=signature(**{input_name: values})[output_name].numpy().tolist())


app = FastAPI()

if flags.threadpool:

    @app.post("/v1/models/model:predict")
    def predict(request: PredictRequest) -> PredictResponse:
        return answer(request)

else:

    @app.post("/v1/models/model:predict")
    async def predict(request: PredictRequest) -> PredictResponse:
        return answer(request)


uvicorn.run(app, host="127.0.0.1", port=flags.port, loop="uvloop", http="httptools", access_log=False, log_level="warning")
