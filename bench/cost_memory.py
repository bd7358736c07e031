"""Measure what memory requests to a SavedModel really take, to hold beside what `airlock cost` predicts.

usage: cost_memory.py FOLDER SIZES... [--threads N]
SIZES is one shape for all inputs: 8x224x224x3. The measured peak is the largest sum of the allocator's records of one run (RunMetadata, FULL_TRACE)
plus the inputs, which whoever asks holds until the answer is there.
"""

import argparse
import os

os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


def peak_of(metadata):
    records = [
        (record.alloc_micros, -record.alloc_bytes)
        for device in metadata.step_stats.dev_stats
        for node in device.node_stats
        for memory in node.memory
        for record in memory.allocation_records
    ]
    live = peak = 0
    # Of one microsecond what is allocated comes first.
    for _, freed in sorted(records):
        live -= freed
        peak = max(peak, live)
    return peak


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("sizes", nargs="+")
    parser.add_argument("--threads", type=int, default=4)
    args = parser.parse_args()
    config = v1.ConfigProto(inter_op_parallelism_threads=args.threads, intra_op_parallelism_threads=1)
    with tf.Graph().as_default(), v1.Session(config=config) as session:
        signature = v1.saved_model.load(session, ["serve"], args.folder).signature_def["serving_default"]
        fetches = {name: tensor.name for name, tensor in signature.outputs.items()}
        for sizes in args.sizes:
            shape = [int(size) for size in sizes.split("x")]
            types = {tensor.name: tf.as_dtype(tensor.dtype).as_numpy_dtype for tensor in signature.inputs.values()}
            feeds = {name: (np.random.rand(*shape) * 5).astype(dtype) for name, dtype in types.items()}
            peaks = []
            for _ in range(3):
                metadata = v1.RunMetadata()
                options = v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE)
                session.run(fetches, feeds, options=options, run_metadata=metadata)
                peaks.append(peak_of(metadata))
            print(sizes, max(peaks) + sum(feed.nbytes for feed in feeds.values()), flush=True)


if __name__ == "__main__":
    main()
