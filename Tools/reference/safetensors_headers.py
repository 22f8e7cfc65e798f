"""Writes which headers the package safetensors reads: goldens/safetensors/headers.json."""

import json
import struct
from pathlib import Path

from safetensors import deserialize

GOLDENS = Path(__file__).resolve().parents[2] / "Tests" / "Goldens"
CASES = []


def entry(name, dtype="U8", shape="4", offsets="0,4", more=""):
    return '"%s":{"dtype":"%s","shape":[%s],"data_offsets":[%s]%s}' % (name, dtype, shape, offsets, more)


def case(what, header, data=4):
    header = header if isinstance(header, bytes) else header.encode()
    file = struct.pack("<Q", len(header)) + header + bytes(index & 255 for index in range(data))
    try:
        accepted = sorted([name, info["dtype"], info["shape"]] for name, info in deserialize(file))
    except Exception:
        accepted = None
    CASES.append({"what": what, "header": header.hex(), "data": data, "tensors": accepted})


def object_of(*entries):
    return "{%s}" % ",".join(entries)


def metadata():
    for what, value in {
        "null": "null", "empty": "{}", "texts": '{"a":"b"}', "a list": "[]", "a text": '"x"', "a number": '{"a":1}',
        "a null in it": '{"a":null}', "an object in it": '{"a":{}}', "a key twice": '{"a":"1","a":"2"}',
        "a long key": '{"%s":"x"}' % ("k" * 1025), "a long text": '{"a":"%s"}' % ("v" * 5000),
    }.items():
        case(f"metadata: {what}", object_of(f'"__metadata__":{value}', entry("a")))
    case("metadata null without tensors", '{"__metadata__":null}', 0)
    case("metadata last", object_of(entry("a"), '"__metadata__":{"a":"b"}'))
    case("metadata twice", object_of('"__metadata__":{}', '"__metadata__":{}', entry("a")))
    case("metadata null and texts", object_of('"__metadata__":null', '"__metadata__":{}', entry("a")))
    case("metadata that is a tensor", object_of(entry("__metadata__")))


def fields():
    for what, more in {
        "a text": '"y"', "null": "null", "true": "true", "objects": '{"y":[1,{"z":2}]}', "a fraction": "-1.5e3",
        "20 levels": "[" * 20 + "]" * 20, "100 levels": "[" * 100 + "]" * 100, "200 levels": "[" * 200 + "]" * 200,
    }.items():
        case(f"one more field: {what}", object_of(entry("a", more=f',"x":{more}')))
    case("one more field twice", object_of(entry("a", more=',"x":1,"x":2')))
    case("one more field before the others", '{"a":{"strides":[1],"dtype":"U8","shape":[4],"data_offsets":[0,4]}}')
    case("another order", '{"a":{"data_offsets":[0,4],"shape":[4],"dtype":"U8"}}')
    case("a list of values", '{"a":["U8",[4],[0,4]]}')
    case("null for a tensor", object_of('"a":null', entry("b")))
    for name in ["dtype", "shape", "data_offsets"]:
        values = {"dtype": '"U8"', "shape": "[4]", "data_offsets": "[0,4]"}
        case(f"{name} twice", object_of(entry("a", more=f',"{name}":{values[name]}')))
        others = ",".join(f'"{key}":{value}' for key, value in values.items() if key != name)
        case(f"no {name}", '{"a":{%s}}' % others)
        case(f"{name} null", '{"a":{%s,"%s":null}}' % (others, name))
    case("three offsets", object_of(entry("a", offsets="0,4,4")))
    case("one offset", object_of(entry("a", offsets="4")))
    case("a dtype as an object", '{"a":{"dtype":{"U8":null},"shape":[4],"data_offsets":[0,4]}}')


def names():
    case("a name twice", object_of(entry("a"), entry("a")))
    case("a name twice, once escaped", object_of(entry("a"), entry("\\u0061")))
    case("an empty name", object_of(entry("")))
    case("a name of NUL", object_of(entry("\\u0000")))
    case("a name of 1024 bytes", object_of(entry("a" * 1024)))
    case("a name of 1025 bytes", object_of(entry("a" * 1025)))
    case("composed and decomposed", object_of(entry("\u00e9", "U8", "2", "0,2"), entry("e\u0301", "U8", "2", "2,4")))
    case("half a surrogate pair", object_of(entry("\\ud800")))
    case("a line break in a name", object_of(entry("a\nb")))
    case("a name that is not UTF-8", b'{"\xff":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}')


def framing():
    whole = object_of(entry("a"))
    case("nothing else", whole)
    case("no tensors", "{}", 0)
    for what, before, after in [
        ("blanks after", "", "   "), ("line breaks after", "", "\n\t\r "), ("NULs after", "", "\0\0"),
        ("blanks before", "  ", ""), ("a line break before", "\n", ""), ("a byte order mark", "\ufeff", ""),
        ("a NUL before", "\0", ""), ("a second object", "", "{}"),
    ]:
        case(what, before + whole + after)
    case("blanks inside", "{ %s , \n%s }" % (entry("a", "U8", "2", "0,2"), entry("b", "U8", "2", "2,4")))
    case("a comma at the end", "{%s,}" % entry("a"))
    case("a list", "[]", 0)
    case("no header", "", 0)


def dtypes():
    for dtype, bits in {
        "BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64,
        "I64": 64, "F64": 64, "C64": 64, "C128": 128, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E4M3": 8, "F8_E5M2": 8,
        "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "F8_E4M3FN": 8, "U4": 4, "I4": 4, "f32": 32, "": 8,
    }.items():
        case(f"dtype {dtype!r}", object_of(entry("a", dtype, "4,2", f"0,{bits}")), bits)
    for shape, size in [("2", 1), ("1", 1), ("3", 2), ("", 1), ("0", 0), ("3,0", 0)]:
        case(f"F4 of shape [{shape}]", object_of(entry("a", "F4", shape, f"0,{size}")), size)
    case("F6_E2M3 of shape [5]", object_of(entry("a", "F6_E2M3", "5", "0,4")))


def shapes():
    for what, shape, size in [
        ("a scalar", "", 1), ("no elements", "0", 0), ("no elements in the middle", "3,0,5", 0),
        ("no elements, with bytes", "0", 4), ("32 dimensions", ",".join(["1"] * 31 + ["4"]), 4),
        ("33 dimensions", ",".join(["1"] * 32 + ["4"]), 4), ("a zero before an overflow", "0,4294967296,4294967296", 0),
        ("a zero after an overflow", "4294967296,4294967296,0", 0), ("an overflow", "4294967296,4294967296", 4),
        ("2^63 and 0", "9223372036854775808,0", 0), ("2^64", "18446744073709551616", 0), ("negative", "-4", 4),
        ("minus zero", "-0", 0), ("a fraction", "4.0", 4), ("an exponent", "4e0", 4), ("a leading zero", "04", 4),
        ("one byte too few", "5", 4), ("one byte too many", "3", 4),
    ]:
        case(f"shape: {what}", object_of(entry("a", "U8", shape, f"0,{size}")), size)


def layout():
    case("an empty tensor first", object_of(entry("a", "F32", "0", "0,0"), entry("b")))
    case("an empty tensor last", object_of(entry("b"), entry("a", "F32", "0", "4,4")))
    case("an empty tensor inside another", object_of(entry("b"), entry("a", "F32", "0", "2,2")))
    between = [entry("b", "U8", "0", "2,2"), entry("c", "U8", "0", "2,2")]
    case("two empty tensors", object_of(entry("a", "U8", "2", "0,2"), *between, entry("d", "U8", "2", "2,4")))
    case("not aligned", object_of(entry("a", "U8", "1", "0,1"), entry("b", "F32", "1", "1,5")), 5)
    case("not in the order of names", object_of(entry("a", "U8", "2", "2,4"), entry("b", "U8", "2", "0,2")))
    case("offsets reversed", object_of(entry("a", "U8", "4", "4,0")))
    case("beyond the file", object_of(entry("a", "U8", "5", "0,5")))
    case("the same bytes twice", object_of(entry("a"), entry("b")))
    case("a byte shared", object_of(entry("a", "U8", "3", "0,3"), entry("b", "U8", "2", "2,4")))
    case("a hole first", object_of(entry("a", "U8", "3", "1,4")))
    case("a hole between", object_of(entry("a", "U8", "1", "0,1"), entry("b", "U8", "2", "2,4")))
    case("bytes after the last", object_of(entry("a")), 5)
    case("bytes without a tensor", "{}", 3)


for part in [metadata, fields, names, framing, dtypes, shapes, layout]:
    part()
path = GOLDENS / "safetensors" / "headers.json"
path.parent.mkdir(exist_ok=True)
path.write_text("[\n%s\n]\n" % ",\n".join(json.dumps(case) for case in CASES))
