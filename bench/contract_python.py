"""The same contract in pydantic and in pandera, for contracts.js, which times them in turn with Airlock's.

Reads the batch from the file named on the command line, then one command per line of standard input: a name of `contenders` and how often
to run it. Answers one JSON line per command: the milliseconds of each run. Each contender first has to refuse the bad batch.
"""

import json
import resource
import sys
import time
from typing import Annotated, Literal

import numpy
import pandas
import pandera
import pandera.pandas as pa
import pydantic
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model


def row_model(features):
    """A strict model of one row; strict is pydantic's faster mode, and the one that says what our contract says."""
    fields = {}
    for feature in features:
        if feature["kind"] == "float":
            value = Annotated[float, Field(ge=feature["min"], le=feature["max"], allow_inf_nan=False)]
        elif feature["kind"] == "int":
            value = Annotated[int, Field(ge=feature["min"], le=feature["max"])]
        elif feature["kind"] == "choice":
            value = Literal[tuple(feature["allowed"])]
        else:
            value = Annotated[str, Field(max_length=feature["maxLength"], pattern=feature["pattern"])]
        fields[feature["name"]] = (value, ...)
    return create_model("Row", __config__=ConfigDict(strict=True, extra="forbid"), **fields)


def frame_schema(features):
    """The vectorised checks of pandera; the pattern is anchored at its end as `re.match` anchors the beginning."""
    columns = {}
    for feature in features:
        if feature["kind"] == "float":
            # NaN is refused by nullable=False, an infinity by the range.
            columns[feature["name"]] = pa.Column("float32", pa.Check.in_range(feature["min"], feature["max"]))
        elif feature["kind"] == "int":
            columns[feature["name"]] = pa.Column("int64", pa.Check.in_range(feature["min"], feature["max"]))
        elif feature["kind"] == "choice":
            columns[feature["name"]] = pa.Column(str, pa.Check.isin(feature["allowed"]))
        else:
            checks = [pa.Check.str_length(0, feature["maxLength"]), pa.Check.str_matches(feature["pattern"] + "$")]
            columns[feature["name"]] = pa.Column(str, checks)
    return pa.DataFrameSchema(columns, strict=True)


def frame_of(features, rows):
    types = {"float": "float32", "int": "int64"}
    data = {}
    for feature in features:
        values = [row[feature["name"]] for row in rows]
        kind = types.get(feature["kind"])
        data[feature["name"]] = values if kind is None else numpy.array(values, kind)
    return pandas.DataFrame(data)


def main():
    batch = json.load(open(sys.argv[1], encoding="utf-8"))
    features, rows, bad = batch["features"], batch["rows"], batch["bad"]
    adapter = TypeAdapter(list[row_model(features)])
    schema = frame_schema(features)
    text, frame = json.dumps(rows).encode(), frame_of(features, rows)
    contenders = {
        "pydanticJson": (adapter.validate_json, text, json.dumps(bad).encode()),
        "pydanticPython": (adapter.validate_python, rows, bad),
        # lazy: all violations, as the others report all of them.
        "pandera": (lambda value: schema.validate(value, lazy=True), frame, frame_of(features, bad)),
    }
    for name, (check, good, wrong) in contenders.items():
        check(good)
        try:
            check(wrong)
        except (pydantic.ValidationError, pandera.errors.SchemaErrors):
            continue
        raise SystemExit(f"{name} takes the bad batch")
    versions = {module.__name__: module.__version__ for module in (pydantic, pandera, pandas, numpy)}
    print(json.dumps({"python": sys.version.split()[0], **versions}), flush=True)
    for line in sys.stdin:
        name, runs = line.split()
        check, good, _ = contenders[name]
        times = []
        for _ in range(int(runs)):
            start = time.perf_counter()
            check(good)
            times.append((time.perf_counter() - start) * 1000)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"ms": times, "maxMemoryMiB": memory}), flush=True)


main()
