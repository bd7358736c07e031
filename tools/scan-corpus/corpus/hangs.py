"""SavedModels that never answer, or end the process (reference 2, hang and crash; 2.1 fact 7)."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.core.framework import function_pb2

from .build import COUNT, Func, by_hand, const, dense, export, export_v1, node, raw, v1
from .file_writes import _after
from .registry import Place, attack, fires

HANGS = fires("call", "hangs")


def _hangs(id, names, make, about, shows=HANGS, value=None, also=(), category="hang"):
    def build(place: Place):
        dense(place.path, lambda x, y: {"z": make(x, y)})

    build.__doc__ = about
    attack(id, "savedmodel", category, names, value, also=also, fires=shows)(build)


LOOP = ["While", "loop"]


def _loop(cond, body, start=0):
    return tf.while_loop(cond, body, [tf.constant(start, tf.int64)])[0]


_hangs(
    "sm-loop-true",
    LOOP,
    lambda x, y: _loop(lambda i: tf.constant(True), lambda i: [i + 1]),
    "A loop whose condition is the constant true.",
)
_hangs(
    "sm-loop-no-progress",
    LOOP,
    lambda x, y: _loop(lambda i: i < 10, lambda i: [tf.identity(i)]),
    "A counter that never moves.",
)
_hangs(
    "sm-loop-wrong-way",
    LOOP,
    lambda x, y: _loop(lambda i: i < 10, lambda i: [i - 1]),
    "A counter that moves away from its limit.",
)
_hangs(
    "sm-loop-huge",
    LOOP,
    lambda x, y: _loop(lambda i: i < 10**15, lambda i: [i + 1]),
    "A limit that takes years.",
)
_hangs(
    "sm-loop-tiny-step",
    LOOP,
    lambda x, y: tf.while_loop(lambda f: f < 1.0, lambda f: [f * 1.0 + 0.0], [tf.constant(0.5)])[0],
    "A float that is multiplied by one.",
)
_hangs(
    "sm-loop-or-true",
    LOOP,
    lambda x, y: _loop(lambda i: tf.logical_or(i < 10, i >= 10), lambda i: [i + 1]),
    "A condition that is true for every number.",
)
_hangs(
    "sm-loop-not-false",
    LOOP,
    lambda x, y: _loop(lambda i: tf.logical_not(tf.not_equal(i * 0, 0)), lambda i: [i + 1]),
    "True in disguise: not (0 != 0).",
)
_hangs(
    "sm-loop-reset",
    LOOP,
    lambda x, y: _loop(lambda i: i < 1000, lambda i: [tf.math.floormod(i + 1, 500)]),
    "A counter that is taken modulo before it arrives.",
)
_hangs(
    "sm-loop-nested",
    LOOP,
    lambda x, y: _loop(
        lambda i: i < 10**6, lambda i: [i + 1 + 0 * _loop(lambda j: j < 10**6, lambda j: [j + 1])]
    ),
    "A loop of a million in a loop of a million.",
)
_hangs(
    "sm-loop-stateless",
    LOOP,
    lambda x, y: _stateless(),
    "The same infinite loop as StatelessWhile.",
    fires("call", "crashes"),
    also=("crash",),
)
_hangs(
    "sm-loop-in-branch",
    LOOP,
    lambda x, y: tf.cond(
        tf.size(x) >= 0,
        lambda: _loop(lambda i: tf.constant(True), lambda i: [i + 1]),
        lambda: tf.constant(0, tf.int64),
    ),
    "An infinite loop in a branch.",
)
_hangs(
    "sm-loop-fold",
    LOOP,
    lambda x, y: _loop(lambda i: tf.reduce_all(tf.constant([True, True])), lambda i: [i + 1]),
    "The condition is a reduction of constants.",
)
_hangs(
    "sm-repeat-forever",
    ["RepeatDataset"],
    lambda x, y: (
        tf.data.Dataset.range(3).repeat().reduce(tf.constant(0, tf.int64), lambda a, b: a + b)
    ),
    "A dataset repeats for ever and is reduced to its end.",
)
_hangs(
    "sm-repeat-forever-explicit",
    ["RepeatDataset"],
    lambda x, y: (
        tf.data.Dataset.range(3)
        .repeat(-1)
        .map(lambda i: i)
        .batch(7)
        .reduce(tf.constant(0, tf.int64), lambda a, b: a + tf.reduce_sum(b))
    ),
    "The same with a map and a batch behind it.",
)
_hangs(
    "sm-random-dataset",
    ["RandomDataset"],
    lambda x, y: tf.data.Dataset.random(seed=1).reduce(tf.constant(0, tf.int64), lambda a, b: b),
    "A dataset of random numbers that has no end, reduced.",
)
_hangs(
    "sm-range-dataset-huge",
    ["RangeDataset"],
    lambda x, y: tf.data.Dataset.range(10**15).reduce(tf.constant(0, tf.int64), lambda a, b: b),
    "A dataset of 10^15 elements, reduced.",
)
_hangs(
    "sm-sleep-dataset",
    ["SleepDataset"],
    lambda x, y: _sleep_dataset(),
    "SleepDataset waits for hours.",
)
_hangs(
    "sm-dequeue-empty",
    ["QueueDequeue"],
    lambda x, y: raw.QueueDequeueV2(
        handle=raw.FIFOQueueV2(component_types=[tf.float32]), component_types=[tf.float32]
    )[0],
    "Takes from a queue that nobody fills.",
)
_hangs(
    "sm-dequeue-many",
    ["QueueDequeue"],
    lambda x, y: raw.QueueDequeueManyV2(
        handle=raw.RandomShuffleQueueV2(component_types=[tf.float32], shapes=[[]]),
        n=5,
        component_types=[tf.float32],
    )[0],
    "Takes five from an empty shuffling queue.",
)
_hangs(
    "sm-enqueue-full",
    ["QueueEnqueue"],
    lambda x, y: _full_queue(),
    "Puts into a queue that is full.",
)
_hangs(
    "sm-barrier",
    ["BarrierTakeMany"],
    lambda x, y: (
        raw.BarrierTakeMany(
            handle=raw.Barrier(component_types=[tf.float32], shapes=[[]]),
            num_elements=1,
            component_types=[tf.float32],
        ).keys
    ),
    "Waits at a barrier.",
)
_hangs(
    "sm-unstage",
    ["Unstage"],
    lambda x, y: raw.Unstage(dtypes=[tf.float32], shared_name="s")[0],
    "Takes from an empty staging area.",
)
_hangs(
    "sm-stage-peek",
    ["StagePeek"],
    lambda x, y: raw.StagePeek(index=0, dtypes=[tf.float32], shared_name="p")[0],
    "Looks at an empty staging area.",
)
_hangs(
    "sm-map-unstage",
    ["MapUnstage"],
    lambda x, y: raw.MapUnstage(
        key=tf.constant(1, tf.int64), indices=[0], dtypes=[tf.float32], shared_name="m"
    )[0],
    "Takes a key that is not staged.",
)
_hangs(
    "sm-accumulator",
    ["AccumulatorTakeGradient", "ResourceAccumulatorTakeGradient"],
    lambda x, y: raw.ResourceAccumulatorTakeGradient(
        handle=raw.ResourceConditionalAccumulator(dtype=tf.float32, shape=[1]),
        num_required=1,
        dtype=tf.float32,
    ),
    "Waits for a gradient that nobody applies.",
)
_hangs(
    "sm-collective",
    ["CollectiveReduce"],
    lambda x, y: raw.CollectiveReduceV2(
        input=y,
        group_size=2,
        group_key=1,
        instance_key=1,
        ordering_token=[],
        merge_op="Add",
        final_op="Id",
    ),
    "A collective of two, of which only one comes.",
    also=("network",),
)
_hangs("sm-mutex", ["MutexLock"], lambda x, y: _mutex(), "Locks a mutex twice.")


def _stateless():
    counter = tf.TensorSpec([], tf.int64)
    cond = tf.function(lambda i: i >= i).get_concrete_function(counter)
    body = tf.function(lambda i: i + 1).get_concrete_function(counter)
    return raw.StatelessWhile(input=[tf.constant(0, tf.int64)], cond=cond, body=body)[0]


def _sleep_dataset():
    from tensorflow.python.data.experimental.ops import testing

    return (
        tf.data.Dataset.range(100)
        .apply(testing.sleep(36_000_000))
        .reduce(tf.constant(0, tf.int64), lambda a, b: a + b)
    )


def _full_queue():
    queue = raw.FIFOQueueV2(component_types=[tf.float32], capacity=1)
    first = raw.QueueEnqueueV2(handle=queue, components=[1.0])
    with tf.control_dependencies([first]):
        return _after(raw.QueueEnqueueV2(handle=queue, components=[1.0]), tf.constant(1.0))


def _mutex():
    """The first lock is held until the second is there."""
    mutex = raw.MutexV2(shared_name="m")
    first = raw.MutexLock(mutex=mutex)
    with tf.control_dependencies([first]):
        second = raw.MutexLock(mutex=mutex)
    with tf.control_dependencies([second]):
        released = raw.ConsumeMutexLock(mutex_lock=first)
    return _after([released, raw.ConsumeMutexLock(mutex_lock=second)], tf.constant(1.0))


@attack(
    "sm-loop-request",
    "savedmodel",
    "hang",
    LOOP,
    ["request", "signature", "input"],
    fires=fires("call", "hangs", feed={"n": 10**15}),
)
def _(place: Place):
    """The request says how often a loop runs."""
    export(
        place.path,
        lambda n: {
            "y": tf.while_loop(lambda i: i < n, lambda i: [i + 1], [tf.constant(0, tf.int64)])[0]
        },
        COUNT,
    )


@attack("sm-loop-tf1", "savedmodel", "hang", ["LoopCond", "While", "loop"], None, fires=HANGS)
def _(place: Place):
    """A TF1 loop, with frames, whose counter is compared with itself."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        v1.disable_control_flow_v2()
        try:
            end = v1.while_loop(lambda i: tf.less_equal(i, i), lambda i: i + 1, [tf.constant(0)])
        finally:
            v1.enable_control_flow_v2()
        return {"x": x}, {"y": x * tf.cast(end, tf.float32)}

    export_v1(place.path, build)


@attack(
    "sm-loop-main-op",
    "savedmodel",
    "hang",
    LOOP,
    None,
    trigger="load",
    fires=fires("load-cpp", "hangs"),
)
def _(place: Place):
    """An infinite loop when the model is loaded: the server never starts."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        end = v1.while_loop(lambda i: tf.constant(True), lambda i: i + 1, [tf.constant(0)])
        return {"x": x}, {"y": x * 2.0}, {"main_op": tf.group(end)}

    export_v1(place.path, build)


@attack("sm-for-huge", "savedmodel", "hang", ["For", "loop"], None, fires=None)
def _(place: Place):
    """The For operation with a limit of two billion and a body that is a matrix product."""
    from .build import definition

    body = definition(
        lambda i, m: tf.matmul(m, m),
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([64, 64], tf.float32),
        name="body",
    )
    nodes = [
        const("a", 0),
        const("b", 2**31 - 1),
        const("c", 1),
        node("one", "Const", dtype=tf.float32, value=tf.make_tensor_proto([[1.0] * 64] * 64)),
        node("y", "For", ["a", "b", "c", "one"], T=[tf.float32], body=Func("body")),
    ]
    by_hand(place.path, nodes, ("y", tf.float32, [64, 64]), body)


@attack(
    "sm-call-explosion",
    "savedmodel",
    "hang",
    ["call", "PartitionedCall", "f19", "f_"],
    None,
    also=["memory"],
    fires=None,
)
def _(place: Place):
    """Twenty functions, each calling the next ten times: 10^20 additions in a kilobyte."""
    functions = []
    for level in range(20):
        function = function_pb2.FunctionDef()
        function.signature.name = f"f_{level}"
        function.signature.input_arg.add(name="a", type=tf.float32.as_datatype_enum)
        function.signature.output_arg.add(name="b", type=tf.float32.as_datatype_enum)
        last = "a"
        for call in range(10):
            if level == 19:
                function.node_def.append(node(f"n{call}", "Neg", [last], T=tf.float32))
                last = f"n{call}:y:0"
            else:
                function.node_def.append(
                    node(
                        f"n{call}",
                        "PartitionedCall",
                        [last],
                        Tin=[tf.float32],
                        Tout=[tf.float32],
                        f=Func(f"f_{level + 1}"),
                    )
                )
                last = f"n{call}:output:0"
        function.ret["b"] = last
        functions.append(function)
    by_hand(
        place.path,
        [node("y", "PartitionedCall", ["x"], Tin=[tf.float32], Tout=[tf.float32], f=Func("f_0"))],
        functions=functions,
    )


@attack(
    "sm-map-loop-explosion",
    "savedmodel",
    "hang",
    ["RepeatDataset", "RangeDataset", "FlatMapDataset"],
    None,
    fires=HANGS,
)
def _(place: Place):
    """Three datasets of a million, one in the other."""
    million = lambda: tf.data.Dataset.range(1_000_000)
    data = lambda: million().flat_map(lambda i: million().flat_map(lambda j: million()))
    dense(place.path, lambda x, y: {"z": data().reduce(tf.constant(0, tf.int64), lambda a, b: b)})


@attack("sm-recv", "savedmodel", "hang", ["Recv"], None, also=["network"], fires=None)
def _(place: Place):
    """_Recv waits for a tensor that nobody sends."""
    local = "/job:localhost/replica:0/task:0/device:CPU:0"
    by_hand(
        place.path,
        [
            node(
                "y",
                "_Recv",
                [],
                tensor_type=tf.float32,
                tensor_name="never",
                send_device=local,
                send_device_incarnation=1,
                recv_device=local,
                client_terminated=False,
            )
        ],
    )


@attack("sm-abort", "savedmodel", "crash", "Abort", None, fires=fires("call", "crashes"))
def _(place: Place):
    """Abort ends the process."""
    dense(place.path, lambda x, y: {"z": _after(raw.Abort(error_msg="bye"), y)})


@attack("sm-abort-silent", "savedmodel", "crash", "Abort", None, fires=fires("call", "crashes"))
def _(place: Place):
    """Abort without a message, which exits with zero, in a branch that a request takes."""

    def leak(x, y):
        return {
            "z": tf.cond(
                tf.reduce_sum(x) > -1e30,
                lambda: _after(raw.Abort(exit_without_error=True), 1.0),
                lambda: 0.0,
            )
        }

    dense(place.path, leak)


@attack(
    "sm-abort-main-op",
    "savedmodel",
    "crash",
    "Abort",
    None,
    trigger="load",
    fires=fires("load-cpp", "crashes"),
)
def _(place: Place):
    """Abort as the init operation: no server loads it twice."""
    by_hand(
        place.path,
        [
            node("bye", "Abort", [], error_msg="", exit_without_error=False),
            node("y", "Identity", ["x"], T=tf.float32),
        ],
        init="bye",
    )


@attack(
    "sm-sql-missing",
    "savedmodel",
    "crash",
    "SqlDataset",
    "missing.sqlite",
    also=["file-read"],
    fires=fires("call", "crashes"),
)
def _(place: Place):
    """SqlDataset of a database that is not there ends TensorFlow 2.21 with SIGSEGV."""
    from .file_reads import _first

    def leak(x, y):
        return {
            "z": _first(
                raw.SqlDataset(
                    driver_name="sqlite",
                    data_source_name=f"{place.canary}/no/missing.sqlite",
                    query="SELECT 1",
                    output_types=[tf.int64],
                    output_shapes=[[]],
                ),
                [tf.int64],
                [[]],
            )
        }

    dense(place.path, leak)


@attack(
    "sm-recursive-function",
    "savedmodel",
    "crash",
    ["recurs", "calls itself", "endless"],
    None,
    also=["hang", "malformed"],
    trigger="load-cpp",
    fires=fires("load-cpp", "crashes"),
)
def _(place: Place):
    """A function that calls itself: the C++ loader overflows its stack (2.1 fact 7)."""
    by_hand(
        place.path,
        [node("y", "PartitionedCall", ["x"], Tin=[tf.float32], Tout=[tf.float32], f=Func("again"))],
        functions=[_recursive("again", "again")],
    )


@attack(
    "sm-mutual-recursion",
    "savedmodel",
    "crash",
    ["recurs", "calls itself", "each other", "endless"],
    None,
    also=["hang", "malformed"],
    trigger="load-cpp",
    fires=fires("load-cpp", "crashes"),
)
def _(place: Place):
    """Three functions that call each other in a ring."""
    ring = [
        _recursive("first", "second"),
        _recursive("second", "third"),
        _recursive("third", "first"),
    ]
    by_hand(
        place.path,
        [
            node(
                "y",
                "StatefulPartitionedCall",
                ["x"],
                Tin=[tf.float32],
                Tout=[tf.float32],
                f=Func("first"),
            )
        ],
        functions=ring,
    )


def _recursive(name, callee):
    function = function_pb2.FunctionDef()
    function.signature.name = name
    function.signature.input_arg.add(name="a", type=tf.float32.as_datatype_enum)
    function.signature.output_arg.add(name="b", type=tf.float32.as_datatype_enum)
    function.node_def.append(
        node("call", "PartitionedCall", ["a"], Tin=[tf.float32], Tout=[tf.float32], f=Func(callee))
    )
    function.ret["b"] = "call:output:0"
    return function


@attack(
    "sm-thread-pool",
    "savedmodel",
    "resource",
    ["ThreadPoolHandle", "PrivateThreadPool"],
    ["60000"],
    also=["memory", "hang"],
    fires=None,
)
def _(place: Place):
    """A pool of 60,000 threads."""

    def by_variant(x, y):
        pool = raw.PrivateThreadPoolDataset(
            input_dataset=tf.data.Dataset.range(3)._variant_tensor,
            num_threads=tf.constant(60000, tf.int64),
            output_types=[tf.int64],
            output_shapes=[[]],
        )
        from .file_reads import _first

        return {"z": _first(pool, [tf.int64], [[]])}

    dense(place.path, by_variant)
