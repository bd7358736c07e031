"""SavedModels that ask for more memory than there is (reference 2, memory; 2.1 fact 8)."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from .build import COUNT, by_hand, const, dense, export, node, raw, splat
from .registry import Place, attack, fires

HUGE = 40_000_000_000
OOM = fires("call", "exhausts")


def _bomb(id, names, make, about, shows=None, value=None, also=(), category="memory"):
    def build(place: Place):
        dense(place.path, lambda x, y: {"z": make(x, y)})

    build.__doc__ = about
    attack(id, "savedmodel", category, names, value, also=also, fires=shows)(build)


_bomb(
    "sm-mem-fill",
    "Fill",
    lambda x, y: tf.reduce_sum(tf.fill([200000, 200000], 1.0)),
    "Fill of 160 GB.",
    OOM,
)
_bomb(
    "sm-mem-zeros",
    ["Fill", "ZerosLike", "Const"],
    lambda x, y: tf.reduce_sum(tf.zeros(tf.stack([tf.size(y) * 0 + 300000, 300000]))),
    "zeros of 360 GB, its shape packed.",
    OOM,
)
_bomb(
    "sm-mem-tile",
    "Tile",
    lambda x, y: tf.reduce_sum(tf.tile(tf.constant([[1.0]]), [500000, 500000])),
    "Tile of a scalar to a terabyte.",
    OOM,
)
_bomb(
    "sm-mem-broadcast",
    "BroadcastTo",
    lambda x, y: tf.reduce_max(tf.broadcast_to(tf.constant(1.0), [300000, 300000]), 0),
    "BroadcastTo.",
    OOM,
)
_bomb(
    "sm-mem-broadcast-add",
    ["Add", "BroadcastTo", "Mul"],
    lambda x, y: tf.reduce_max(
        tf.reshape(tf.range(200000.0), [-1, 1]) + tf.reshape(tf.range(200000.0), [1, -1]), 0
    ),
    "The sum of a row and a column of 200,000.",
    OOM,
)
_bomb(
    "sm-mem-range",
    "Range",
    lambda x, y: tf.reduce_sum(tf.range(0, HUGE, dtype=tf.int64)),
    "Range to forty billion.",
    OOM,
)
_bomb(
    "sm-mem-linspace",
    "LinSpace",
    lambda x, y: tf.reduce_sum(raw.LinSpace(start=0.0, stop=1.0, num=tf.constant(HUGE, tf.int64))),
    "LinSpace of forty billion.",
    OOM,
)
_bomb(
    "sm-mem-one-hot",
    "OneHot",
    lambda x, y: tf.one_hot(tf.cast(tf.range(100000), tf.int32), 1000000),
    "OneHot of 100,000 by a million.",
    OOM,
)
_bomb(
    "sm-mem-pad",
    "Pad",
    lambda x, y: tf.reduce_sum(tf.pad(y, [[200000, 200000], [200000, 200000]])),
    "Pad on every side by 200,000.",
    OOM,
)
_bomb(
    "sm-mem-resize",
    ["ResizeBilinear"],
    lambda x, y: tf.image.resize(tf.reshape(y[:1, :1], [1, 1, 1, 1]), [150000, 150000]),
    "An image of a pixel becomes one of 22 gigapixels.",
    OOM,
)
_bomb(
    "sm-mem-resize-nearest",
    ["ResizeNearestNeighbor"],
    lambda x, y: raw.ResizeNearestNeighbor(
        images=tf.reshape(y[:1, :1], [1, 1, 1, 1]), size=[180000, 180000]
    ),
    "The same by its nearest neighbour.",
    OOM,
)
_bomb(
    "sm-mem-random",
    ["RandomUniform"],
    lambda x, y: tf.reduce_sum(tf.random.uniform([200000, 200000])),
    "Random numbers.",
    OOM,
)
_bomb(
    "sm-mem-stateless-random",
    ["StatelessRandom"],
    lambda x, y: tf.reduce_sum(tf.random.stateless_normal([200000, 200000], [1, 2])),
    "Stateless random numbers.",
    OOM,
)
_bomb(
    "sm-mem-truncated",
    ["TruncatedNormal"],
    lambda x, y: tf.reduce_sum(tf.random.truncated_normal([200000, 200000])),
    "Truncated normal numbers.",
    OOM,
)
_bomb(
    "sm-mem-empty",
    "Empty",
    lambda x, y: raw.Empty(shape=[200000, 200000], dtype=tf.float32, init=True)[:1, :1],
    "Empty, which fills.",
    OOM,
)
_bomb(
    "sm-mem-list-reserve",
    "TensorListReserve",
    lambda x, y: raw.TensorListLength(
        input_handle=raw.TensorListReserve(
            element_shape=tf.zeros([0], tf.int32), num_elements=2**30, element_dtype=tf.float32
        )
    ),
    "A TensorList of a billion elements.",
    None,
    also=("crash",),
)
_bomb(
    "sm-mem-scatter",
    "ScatterNd",
    lambda x, y: tf.reduce_sum(tf.scatter_nd([[0, 0]], [1.0], [200000, 200000])),
    "One number scattered into 160 GB.",
    OOM,
)
_bomb(
    "sm-mem-sparse-dense",
    "SparseToDense",
    lambda x, y: raw.SparseToDense(
        sparse_indices=[[0, 0]],
        output_shape=[200000, 200000],
        sparse_values=[1.0],
        default_value=0.0,
    ),
    "A sparse tensor made dense.",
    OOM,
)
_bomb(
    "sm-mem-ragged",
    "RaggedTensorToTensor",
    lambda x, y: raw.RaggedTensorToTensor(
        shape=tf.constant([200000, 200000], tf.int64),
        values=[1.0],
        default_value=0.0,
        row_partition_tensors=[tf.constant([0, 1], tf.int64)],
        row_partition_types=["ROW_SPLITS"],
    ),
    "A ragged tensor with a dense shape.",
    OOM,
)
_bomb(
    "sm-mem-ragged-range",
    "RaggedRange",
    lambda x, y: (
        tf.ragged.range(tf.constant([0], tf.int64), tf.constant([HUGE], tf.int64)).flat_values
    ),
    "A ragged range.",
    OOM,
)
_bomb(
    "sm-mem-bincount",
    ["Bincount"],
    lambda x, y: raw.Bincount(arr=[1], size=2**31 - 1, weights=tf.constant([], tf.float64)),
    "Counts with two billion bins.",
    OOM,
)
_bomb(
    "sm-mem-dense-bincount",
    ["DenseBincount"],
    lambda x, y: raw.DenseBincount(
        input=tf.constant([1], tf.int64),
        size=tf.constant(HUGE, tf.int64),
        weights=tf.constant([], tf.float32),
    ),
    "The newer form.",
    OOM,
)
_bomb(
    "sm-mem-segment",
    "UnsortedSegmentSum",
    lambda x, y: tf.math.unsorted_segment_sum(
        tf.constant([1.0]), tf.constant([0], tf.int64), tf.constant(HUGE, tf.int64)
    ),
    "Sums into forty billion segments.",
    OOM,
)
_bomb(
    "sm-mem-backprop-input",
    "Conv2DBackpropInput",
    lambda x, y: raw.Conv2DBackpropInput(
        input_sizes=[1, 200000, 200000, 1],
        filter=tf.ones([1, 1, 1, 1]),
        out_backprop=tf.ones([1, 1, 1, 1]),
        strides=[1, 200000, 200000, 1],
        padding="VALID",
    ),
    "A transposed convolution to any size.",
    None,
)
_bomb(
    "sm-mem-crop",
    "CropAndResize",
    lambda x, y: tf.image.crop_and_resize(
        tf.ones([1, 2, 2, 1]), [[0.0, 0.0, 1.0, 1.0]], [0], [150000, 150000]
    ),
    "A crop resized.",
    OOM,
)
_bomb(
    "sm-mem-tensor-array",
    "TensorArrayV3",
    lambda x, y: raw.TensorArraySizeV3(
        handle=(a := raw.TensorArrayV3(size=2**31 - 1, dtype=tf.float32)).handle, flow_in=a.flow
    ),
    "A TensorArray of two billion.",
    None,
)
_bomb(
    "sm-mem-doubling",
    ["Concat"],
    lambda x, y: _doubling(y, 36),
    "Thirty-six times joined with itself.",
    None,
)
_bomb(
    "sm-mem-doubling-add-loop",
    ["Concat", "While"],
    lambda x, y: _loop_doubling(),
    "A loop that joins its state with itself.",
    None,
)
_bomb(
    "sm-mem-string-doubling",
    ["StringJoin"],
    lambda x, y: tf.strings.length(_string_doubling(36)),
    "A string joined with itself 36 times.",
    None,
)
_bomb(
    "sm-mem-outer",
    ["MatMul"],
    lambda x, y: tf.reduce_max(tf.matmul(tf.ones([200000, 1]) + y[0, 0], tf.ones([1, 200000])), 0),
    "An outer product of two vectors of 200,000.",
    OOM,
)
_bomb(
    "sm-mem-einsum",
    ["Einsum"],
    lambda x, y: tf.reduce_max(
        tf.einsum("a,b,c->abc", tf.ones([4000]) + y[0, 0], tf.ones([4000]), tf.ones([4000])), 0
    ),
    "An outer product of three vectors by Einsum.",
    OOM,
)
_bomb(
    "sm-mem-eye",
    ["MatrixDiag", "Fill", "MatrixSetDiag"],
    lambda x, y: tf.reduce_sum(tf.eye(300000)),
    "The identity matrix of 300,000.",
    OOM,
)
_bomb(
    "sm-mem-meshgrid",
    ["Mul", "BroadcastTo", "Fill"],
    lambda x, y: tf.reduce_max(tf.meshgrid(tf.range(200000.0) + y[0, 0], tf.range(200000.0))[0], 0),
    "A mesh of 200,000 by 200,000.",
    None,
)
_bomb(
    "sm-mem-sequence-mask",
    ["Range", "Less"],
    lambda x, y: tf.reduce_any(tf.sequence_mask(tf.range(400000), 400000), 0),
    "A mask of 400,000 by 400,000.",
    None,
)
_bomb(
    "sm-mem-upsample-3d",
    ["BroadcastTo", "Tile", "ResizeNearestNeighbor", "Repeat", "Gather"],
    lambda x, y: tf.reduce_sum(tf.repeat(y, 10**10, axis=0)),
    "tf.repeat ten billion times.",
    None,
)
_bomb(
    "sm-mem-batch-dataset",
    ["Batch"],
    lambda x, y: (
        tf.data.Dataset.range(3)
        .repeat()
        .batch(10**10)
        .take(1)
        .reduce(tf.constant(0, tf.int64), lambda a, b: tf.reduce_sum(b))
    ),
    "A batch of ten billion from a dataset without end.",
    None,
    also=("hang",),
)
_bomb(
    "sm-mem-shuffle",
    ["ShuffleDataset"],
    lambda x, y: (
        tf.data.Dataset.range(10**12)
        .shuffle(10**11)
        .take(1)
        .reduce(tf.constant(0, tf.int64), lambda a, b: b)
    ),
    "A shuffle buffer of a hundred billion.",
    None,
    also=("hang",),
)


def _doubling(value, times):
    for _ in range(times):
        value = tf.concat([value, value], 0)
    return value[:1]


def _loop_doubling():
    spec = [tf.TensorShape([]), tf.TensorShape([None])]
    return tf.while_loop(
        lambda i, s: i < 60,
        lambda i, s: (i + 1, tf.concat([s, s], 0)),
        [0, tf.constant([1.0])],
        shape_invariants=spec,
    )[1][:1]


def _string_doubling(times):
    text = tf.constant("0123456789")
    for _ in range(times):
        text = tf.strings.join([text, text])
    return text


def _request(id, names, make, about, shows=None):
    def build(place: Place):
        export(place.path, lambda n: {"z": make(n)}, COUNT)

    build.__doc__ = about
    seen = fires("call", "exhausts", feed={"n": shows}) if shows else None
    attack(id, "savedmodel", "memory", names, ["request", "signature", "input"], fires=seen)(build)


_request(
    "sm-mem-fill-request",
    "Fill",
    lambda n: tf.reduce_sum(tf.fill([n], 1.0)),
    "The request says how long a tensor is.",
    HUGE,
)
_request(
    "sm-mem-range-request",
    "Range",
    lambda n: tf.reduce_sum(tf.range(n)),
    "The request says where a range ends.",
    HUGE,
)
_request(
    "sm-mem-tile-request",
    "Tile",
    lambda n: tf.reduce_sum(tf.tile(tf.constant([1.0, 2.0]), tf.reshape(n, [1]))),
    "The request says how often something is repeated.",
    HUGE,
)
_request(
    "sm-mem-random-request",
    "RandomStandardNormal",
    lambda n: tf.reduce_sum(tf.random.normal(tf.stack([n, n]))),
    "The request gives the side of a square.",
    300000,
)


@attack(
    "sm-mem-const-splat", "savedmodel", "memory", ["Const"], None, also=["malformed"], fires=None
)
def _(place: Place):
    """A constant of 40 GB that is stored as one number."""
    nodes = [
        splat("big", [100000, 100000]),
        node("axes", "Const", dtype=tf.int32, value=tf.make_tensor_proto([0, 1])),
        node("y", "Sum", ["big", "axes"], T=tf.float32, Tidx=tf.int32, keep_dims=False),
    ]
    by_hand(place.path, nodes, ("y", tf.float32, []))


@attack(
    "sm-mem-many-splats",
    "savedmodel",
    "memory",
    ["Const", "Fill"],
    None,
    also=["malformed"],
    fires=None,
)
def _(place: Place):
    """Forty constants of 900 MB each, every one below a limit."""
    nodes = [splat(f"c{n}", [225_000_000]) for n in range(40)]
    nodes += [
        node("sum", "AddN", [f"c{n}" for n in range(40)], T=tf.float32, N=40),
        node("y", "Identity", ["sum"], T=tf.float32),
    ]
    by_hand(place.path, nodes, ("y", tf.float32, [225_000_000]))


@attack("sm-mem-decompression", "savedmodel", "memory", ["DecodeCompressed"], None, fires=None)
def _(place: Place):
    """Two megabytes of zlib that become more than two gigabytes."""
    import zlib

    packed = zlib.compress(bytes(300_000_000), 9)
    twice = lambda: raw.DecodeCompressed(bytes=tf.constant([packed] * 8), compression_type="ZLIB")
    dense(place.path, lambda x, y: {"z": tf.reduce_sum(tf.strings.length(twice()))})


@attack("sm-mem-hash-table", "savedmodel", "memory", "MutableDenseHashTable", None, fires=None)
def _(place: Place):
    """A hash table that starts with 2^36 buckets."""
    nodes = [
        const("empty", np.int64(-1)),
        const("deleted", np.int64(-2)),
        const("keys", np.array([1], np.int64)),
        const("none", np.int64(0)),
        node(
            "table",
            "MutableDenseHashTableV2",
            ["empty", "deleted"],
            key_dtype=tf.int64,
            value_dtype=tf.int64,
            value_shape=tf.TensorShape([]),
            initial_num_buckets=2**36,
            max_load_factor=0.8,
            shared_name="t",
            container="",
            use_node_name_sharing=False,
        ),
        node("y", "LookupTableFindV2", ["table", "keys", "none"], Tin=tf.int64, Tout=tf.int64),
    ]
    by_hand(place.path, nodes, ("y", tf.int64, None))


@attack(
    "sm-mem-variable-init",
    "savedmodel",
    "memory",
    ["Fill", "VarHandleOp", "AssignVariableOp"],
    None,
    trigger="load",
    fires=None,
)
def _(place: Place):
    """The init operation fills a variable of 160 GB."""
    nodes = [
        const("dims", [200000, 200000]),
        const("one", 1.0),
        node("fill", "Fill", ["dims", "one"], T=tf.float32, index_type=tf.int32),
        node(
            "v",
            "VarHandleOp",
            [],
            dtype=tf.float32,
            shape=tf.TensorShape([200000, 200000]),
            shared_name="v",
            container="",
        ),
        node("init", "AssignVariableOp", ["v", "fill"], dtype=tf.float32),
        node("y", "Identity", ["x"], T=tf.float32),
    ]
    by_hand(place.path, nodes, init="init")
