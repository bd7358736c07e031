"""Good and bad inputs of each model, by the contracts beside this file. `bad` maps a name to the rule that must refuse and the input."""
import numpy as np
import tensorflow as tf

from build_models import NUMBERS, STRINGS

GOOD = np.array([[0.0, 1.0, 2.0, 3.0], [-1.0, -0.0, 0.5, 10.0]], np.float32)


def changed(value, at=(1, 2)):
    copy = GOOD.copy()
    copy[at] = value
    return copy


def matrix_case(key, **more):
    bad = {
        "max": ("max", changed(np.nextafter(np.float32(10), np.float32(11)))),
        "min": ("min", changed(np.nextafter(np.float32(-10), np.float32(-11)))),
        "nan": ("number.nan", changed(np.nan)),
        "inf": ("number.infinity", changed(np.inf)),
        "-inf": ("number.infinity", changed(-np.inf)),
        "too many": ("maxElements", np.zeros((101, 4), np.float32)),
        "no rows": ("shape", np.zeros((0, 4), np.float32)),
    }
    return {"good": [{key: GOOD}, {key: GOOD[:1]}, {key: np.zeros((100, 4), np.float32)}], "bad": {name: (rule, {key: value}) for name, (rule, value) in bad.items()}, **more}


def wrong_shapes(key):
    """Shapes that only a loader lets through that does not check them itself."""
    return {"rank": ("shape", {key: np.zeros((4,), np.float32)}), "columns": ("shape", {key: np.zeros((2, 5), np.float32)})}


def multi_case():
    ids, names = np.array([0, 3, 2**53 + 1], np.int64), np.array([b"Ann", b"", b"Bo b"], object)
    bad = {
        "vocabulary": ("ids/allowed", {"ids": np.array([0, 3, 2**53], np.int64), "name": names}),
        "negative": ("ids/", {"ids": np.array([-1, 0, 0], np.int64), "name": names}),
        "long": ("name/string.maxBytes", {"ids": ids, "name": np.array([b"a" * 9, b"", b""], object)}),
        "pattern": ("name/string.pattern", {"ids": ids, "name": np.array([b"a\x00b", b"", b""], object)}),
        "sizes": ("shape", {"ids": ids, "name": names[:2]}),
    }
    return {"good": [{"ids": ids, "name": names}], "bad": bad}


def counter_case():
    value = lambda number: np.array(number, np.int64)
    bad = {"a": ("a/max", {"a": value(11), "b": value(1)}), "b": ("b/max", {"a": value(1), "b": value(11)})}
    return {"good": [{"a": value(3), "b": value(1)}], "bad": bad}


def dims_case():
    shape = lambda a, b: {"a": np.ones(a, np.float32), "b": np.ones(b, np.float32)}
    bad = {
        "batch": ("shape", shape((2, 2), (3, 5))),
        "sequence": ("shape", shape((2, 2), (2, 6))),
        "multiple": ("shape", shape((1, 3), (1, 7))),
        "long": ("shape", shape((1, 10), (1, 21))),
        "odd": ("shape", shape((1, 2), (1, 4))),
        "batch max": ("shape", shape((5, 2), (5, 5))),
    }
    return {"good": [shape((2, 2), (2, 5)), shape((4, 8), (4, 17))], "bad": bad}


def rows_case():
    """Sizes of outputs: that of y belongs to the input, that of z has bounds of its own."""
    feeds = lambda copies, count: {"x": np.ones((2, 3), np.float32), "copies": np.array(copies, np.int64), "count": np.array(count, np.int64)}
    bad = {"twice": ("outputs/y/shape", feeds(2, 2)), "none": ("outputs/y/shape", feeds(0, 2)), "too many": ("outputs/z/shape", feeds(1, 6)), "odd": ("outputs/z/shape", feeds(1, 3))}
    return {"good": [feeds(1, 2), feeds(1, 4)], "bad": bad}


def bits_up(value, steps):
    """The next number of a 16-bit float type; numpy's nextafter does not know bfloat16."""
    raw = np.array(value).view(np.uint16).astype(np.int32)
    return np.array(raw + steps, np.uint16).view(np.array(value).dtype)[()]


def neighbours(dtype, value):
    value = dtype.type(value)
    if dtype.itemsize == 2 and dtype.kind not in "iu":
        return bits_up(value, -1), bits_up(value, 1)
    if dtype.kind in "iu":
        return dtype.type(int(value) - 1), dtype.type(int(value) + 1)
    return np.nextafter(value, dtype.type(-np.inf)), np.nextafter(value, dtype.type(np.inf))


def types_case():
    """Of every data type: the ends of each rule pass, and the next number beyond them fails."""
    good, bad = {}, {}
    for name in NUMBERS:
        dtype = np.dtype(tf.as_dtype(name).as_numpy_dtype)
        low, high = dtype.type(3), dtype.type(100)
        good[f"{name}_bounds"] = np.array([low, 50, high], dtype)
        good[f"{name}_strict"] = np.array([neighbours(dtype, low)[1], neighbours(dtype, high)[0]], dtype)
        good[f"{name}_allowed"] = np.array([7, 3, 100, 7], dtype)
    good["length"] = np.array([b"ab", "äb".encode()], object)
    good["characters"] = np.array([b"ab", "äöüß".encode()], object)
    good["utf8"] = np.array(["\U0010ffff\ue000\ud7ff\x00\n".encode(), b""], object)
    good["ascii"] = np.array([b"\x7f\x00 ~", b""], object)
    good["plain"] = np.array([b"\t\n\r ~", "\xa0\U0010ffff".encode()], object)
    good["pattern"] = np.array([b"A-12", b"B-9"], object)
    good["word"] = np.array([b"a|b", b"(", "ä".encode(), b"a\nb"], object)
    good["vocabulary"] = np.array([b"one", b"two"], object)
    good["bytes"] = np.array([b"\xff" * 6, b"1234"], object)
    good["bidi"] = np.array(["\u200d\u2065 א".encode(), b""], object)
    good["nan_allowed"] = np.array([np.nan, 3, 100], np.float32)
    good["infinity_allowed"] = np.array([np.inf, -np.inf, 0], np.float32)

    def broken(name, rule, value):
        first = np.array(good[name], copy=True)
        first[0] = value
        bad[f"{name} {rule} {value!r}"[:80]] = (f"{name}/{rule}", {**good, name: first})

    for name in NUMBERS:
        dtype = np.dtype(tf.as_dtype(name).as_numpy_dtype)
        low, high = dtype.type(3), dtype.type(100)
        broken(f"{name}_bounds", "min", neighbours(dtype, low)[0])
        broken(f"{name}_bounds", "max", neighbours(dtype, high)[1])
        broken(f"{name}_strict", "exclusiveMin", low)
        broken(f"{name}_strict", "exclusiveMax", high)
        for value in (7, 3, 100):
            for neighbour in neighbours(dtype, value):
                broken(f"{name}_allowed", "allowed", neighbour)
        if dtype.kind not in "iu":
            broken(f"{name}_bounds", "number.nan", dtype.type(np.nan))
            broken(f"{name}_bounds", "number.infinity", dtype.type(np.inf))
    broken("length", "string.minBytes", b"a")
    broken("length", "string.maxBytes", "ääää".encode())
    broken("characters", "string.minCodePoints", "ä".encode())
    broken("characters", "string.maxCodePoints", b"abcde")
    for value in (b"\xff", b"\xc0\xaf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", b"a\x80", b"\xc3"):
        broken("utf8", "string.encoding", value)
    broken("ascii", "string.encoding", "ä".encode())
    for value in (b"\x00", b"\x0b", b"\x1f", b"\x7f", "\x9f".encode()):
        broken("plain", "string.controlCharacters", value)
    for value in (b"A-1234", b" A-12", b"A-12\n", b"a-1"):
        broken("pattern", "string.pattern", value)
    for value in (b"a", b"b", b"", b"((", b"a\nb\n", b"A|B"):
        broken("word", "allowed", value)
    for value in (b"on", b"one ", b"one\ntwo", b"three"):
        broken("vocabulary", "vocabulary", value)
    broken("bytes", "maxBytes", b"\xff" * 7)
    for value in ("\u202e", "\u2066", "\u061c", "\u200f"):
        broken("bidi", "string.bidiControls", value.encode())
    broken("nan_allowed", "max", np.nextafter(np.float32(100), np.float32(101)))
    broken("infinity_allowed", "number.nan", np.nan)
    return {"good": [good, {name: value[:0] for name, value in good.items()}], "bad": bad}


def shared_case():
    one = lambda value: np.array([value], np.float32)
    bad = {"max": ("x/max", {"x": one(11)})}
    return {"good": [{"x": one(2)}], "bad": bad}


def both_case():
    one = lambda value: np.array([value], np.float32)
    unused = np.array(0, np.float32)
    bad = {
        "x": ("x/max", {"x": one(11), "z": one(1), "u": unused}),
        "z": ("z/max", {"x": one(1), "z": one(6), "u": unused}),
        "unused": ("u/max", {"x": one(1), "z": one(1), "u": np.array(2, np.float32)}),
        "sizes": ("shape", {"x": np.array([1, 2], np.float32), "z": np.array([1, 2, 3], np.float32), "u": unused}),
    }
    return {"good": [{"x": one(2), "z": one(3), "u": unused}], "bad": bad}


def all_cases():
    """Each case: the model, the signature, and which loaders cannot run even the original."""
    big = np.linspace(-1, 1, 2048, dtype=np.float32).reshape(2, 1024)
    over = big.copy()
    over[1, 1023] = 1.5
    return [
        {"model": "keras_export", "signature": "serving_default", **matrix_case("x")},
        {"model": "keras_export", "signature": "serve", **matrix_case("x")},
        # A Keras model that was not exported cannot be run by a session, hardened or not: its variables are not restored.
        {"model": "keras_saved", "signature": "serving_default", "without": ["session", "cpp"], **matrix_case("inputs")},
        {"model": "multi", "signature": "serving_default", **multi_case()},
        {"model": "compiled", "signature": "serving_default", **matrix_case("x")},
        {"model": "big", "signature": "serving_default", "good": [{"x": big}], "bad": {"max": ("max", {"x": over})}},
        {"model": "counter", "signature": "serving_default", **counter_case()},
        {"model": "dims", "signature": "serving_default", **dims_case()},
        {"model": "types", "signature": "serving_default", **types_case()},
        {"model": "rows", "signature": "serving_default", **rows_case()},
        {"model": "tf1_rows", "signature": "serving_default", **rows_case()},
        {"model": "tf1", "signature": "serving_default", **matrix_case("x")},
        {"model": "tf1_shared", "signature": "serving_default", **shared_case()},
        {"model": "tf1_shared", "signature": "both", **both_case()},
        # The C++ loader refuses to fetch what it is fed, in the original.
        {"model": "tf1_shared", "signature": "same", "without": ["cpp"], **shared_case()},
    ]
