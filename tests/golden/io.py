#!/usr/bin/env python3
"""Files exchanged with NumPy, and safetensors files by the specification of that format.

    python3 tests/golden/io.py write            writes tests/golden/io/ as NumPy and the specification have it
    python3 tests/golden/io.py check FOLDER     reads damo.npz, damo_compressed.npz and damo.safetensors in FOLDER,
                                                written by Damo, and compares them with what they must hold

The tests hold Damo's own files against tests/golden/io/damo.*, which this script has checked.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "io"

CODES = {
    "bool": "BOOL", "int8": "I8", "uint8": "U8", "int16": "I16", "uint16": "U16", "int32": "I32",
    "uint32": "U32", "int64": "I64", "uint64": "U64", "float16": "F16", "float32": "F32", "float64": "F64",
}
FLOATS = [0.0, -0.0, 1.5, -2.25, np.nan, np.inf, -np.inf, 1 / 3, 1e-5, 6.0e-8, 65504.0, 0.1]


def exact(values):
    """Numbers for JSON; what JSON has no number for as text."""
    def one(v):
        if isinstance(v, (bool, np.bool_)):
            return int(v)
        if v != v:
            return "NaN"
        if v in (np.inf, -np.inf):
            return "Infinity" if v > 0 else "-Infinity"
        return "-0" if v == 0 and np.signbit(v) else v
    return [one(v) for v in np.ravel(values).tolist()]


def write_safetensors(path, arrays, metadata=None, pad=True):
    """The format as https://github.com/huggingface/safetensors describes it."""
    header, body = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (code, array_shape, data) in arrays.items():
        header[name] = {"dtype": code, "shape": array_shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    if pad:
        text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def read_safetensors(path):
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    assert raw[8:9] == b"{" and length % 8 == 0
    header, body = json.loads(raw[8:8 + length]), raw[8 + length:]
    metadata = header.pop("__metadata__", {})
    arrays, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = entry["data_offsets"]
        assert start == end, "a gap or an overlap"
        end = stop
        dtype = next(d for d, code in CODES.items() if code == entry["dtype"])
        assert (8 + length + start) % np.dtype(dtype).itemsize == 0, "not aligned"
        arrays[name] = np.frombuffer(body[start:stop], dtype).reshape(entry["shape"])
    assert end == len(body), "bytes after the last array"
    return arrays, metadata


def write():
    FOLDER.mkdir(exist_ok=True)
    expected = {}

    def note(name, array, dtype):
        expected[name] = {"dtype": dtype, "shape": list(array.shape), "values": exact(array)}

    floats = np.array(FLOATS).reshape(3, 4)
    integers = np.arange(-60, 60, 10).reshape(2, 3, 2)
    with np.errstate(over="ignore"):
        npy = {
            "f2": (floats.astype("<f2"), "float16"),
            "f4": (floats.astype("<f4"), "float32"),
            "f8": (floats.astype("<f8"), "float64"),
            "f4_big_endian": (floats.astype(">f4"), "float32"),
            "f8_column_major": (np.asfortranarray(floats), "float64"),
            "i2_big_endian_column_major": (np.asfortranarray(integers.astype(">i2")), "int32"),
            "i1": (integers.astype("i1"), "int8"),
            "i2": (integers.astype("<i2"), "int32"),
            "i4": (integers.astype("<i4"), "int32"),
            "i8": (integers.astype("<i8") * 10000000, "int32"),
            "u1": (np.abs(integers).astype("u1"), "uint8"),
            "u2": (np.abs(integers).astype("<u2") + 60000, "int32"),
            "u4": (np.abs(integers).astype("<u4") + 4000000000, "uint32"),
            "u8": (np.abs(integers).astype("<u8") + 4000000000, "uint32"),
            "b1": (integers > 5, "bool"),
            "scalar": (np.array(3.5), "float64"),
            "vector": (np.arange(17, dtype="<f4"), "float32"),
            "empty": (np.zeros((3, 0, 2), "<f4"), "float32"),
        }
    for name, (array, dtype) in npy.items():
        np.save(FOLDER / f"{name}.npy", array)
        note(f"{name}.npy", array, dtype)
    np.lib.format.write_array((FOLDER / "version3.npy").open("wb"), floats.astype("<f4"), version=(3, 0))
    note("version3.npy", floats.astype("<f4"), "float32")

    np.save(FOLDER / "refused_complex.npy", np.array([1j]))
    np.save(FOLDER / "refused_object.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(FOLDER / "refused_text.npy", np.array(["a"]))
    np.save(FOLDER / "refused_records.npy", np.zeros(2, [("a", "<f4"), ("b", "<i4")]))
    np.save(FOLDER / "refused_wide.npy", np.array([1, 2**40]))

    members = {"layers.0.w": npy["f4"][0], "layers.0.b": npy["i4"][0], "layers.1.w": npy["f2"][0], "step": npy["i8"][0]}
    np.savez(FOLDER / "numpy.npz", **members)
    np.savez_compressed(FOLDER / "numpy_compressed.npz", zeros=np.zeros((100, 100), "<f4"), **members)
    types = {"layers.0.w": "float32", "layers.0.b": "int32", "layers.1.w": "float16", "step": "int32"}
    for name, array in members.items():
        note(f"numpy.npz/{name}", array, types[name])

    spec, spec_types = {}, {}
    for dtype, code in CODES.items():
        source = floats if dtype.startswith("float") else np.abs(integers) if dtype.startswith("u") else integers
        with np.errstate(over="ignore"):
            array = (source > 5) if dtype == "bool" else source.astype(dtype)
        spec[f"all.{dtype}"] = (code, list(array.shape), array.tobytes())
        spec_types[dtype] = {"int16": "int32", "uint16": "int32", "int64": "int32", "uint64": "uint32"}.get(dtype, dtype)
        note(f"spec.safetensors/all.{dtype}", array, spec_types[dtype])
    halves = (np.array(FLOATS, "<f4").view("<u4") >> 16).astype("<u2")
    spec["all.bfloat16"] = ("BF16", [12], halves.tobytes())
    note("spec.safetensors/all.bfloat16", (halves.astype("<u4") << 16).view("<f4"), "float32")
    spec["empty"] = ("F32", [0, 4], b"")
    note("spec.safetensors/empty", np.zeros((0, 4), "<f4"), "float32")
    spec["scalar"] = ("F64", [], np.float64(2.5).tobytes())
    note("spec.safetensors/scalar", np.array(2.5), "float64")
    write_safetensors(FOLDER / "spec.safetensors", spec, {"format": "np", "made by": "the specification"})
    write_safetensors(FOLDER / "spec_unpadded.safetensors", {"a": ("F32", [2], struct.pack("<2f", 1, 2))}, pad=False)

    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def what_damo_writes():
    """The same arrays as `damoArrays` in tests/io/exchange_test.ts."""
    index = np.arange(24)
    return {
        "params.0.weight": ((index - 7) / 3).astype("<f4").reshape(2, 3, 4),
        "params.0.bias": ((index[:5] - 2) / 7).astype("<f8"),
        "params.1.half": ((index[:9] - 4) / 8).astype("<f2").reshape(3, 3),
        "counts.int32": (index[:3] * -1000000).astype("<i4"),
        "counts.uint32": (index[:3] * 2000000000).astype("<u4"),
        "counts.int8": (index[:7] * 9 - 30).astype("i1"),
        "counts.uint8": (index[:7] * 11).astype("u1"),
        "mask": (index[:6] % 2 == 1).reshape(2, 3),
        "scalar": np.array(42, "<f4"),
        "empty": np.zeros((0, 3), "<f4"),
    }


def check(folder):
    expected = what_damo_writes()

    def compare(found, where):
        assert set(found) == set(expected), (where, sorted(found))
        for name, array in expected.items():
            same = found[name].dtype == array.dtype and found[name].shape == array.shape
            assert same and found[name].tobytes() == array.tobytes(), (where, name)
        print(f"{where}: {len(expected)} arrays agree")

    for name in ("damo.npz", "damo_compressed.npz"):
        with np.load(folder / name) as file:
            compare({key: file[key] for key in file.files}, name)
    arrays, metadata = read_safetensors(folder / "damo.safetensors")
    assert metadata == {"made by": "damo"}, metadata
    compare(arrays, "damo.safetensors")


if sys.argv[1:] == ["write"]:
    write()
elif len(sys.argv) == 3 and sys.argv[1] == "check":
    check(Path(sys.argv[2]))
else:
    sys.exit(__doc__)
