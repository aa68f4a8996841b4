#!/usr/bin/env python3
"""What NumPy says of shapes, indexing, products and order: writes tests/golden/arrays.json.

    python3 tests/golden/arrays.py

Operands are not stored: element i of an operand is ((i * 7 + 3 * k) mod 23) - 11 for the k-th operand of a case, so that
all results are integers and exact. Results are {shape, data}.
"""

import json
import random
from pathlib import Path

import numpy as np

rng = random.Random(20260723)


def operand(shape, k=0):
    size = int(np.prod(shape, dtype=int))
    return (((np.arange(size) * 7 + 3 * k) % 23) - 11).astype(np.float64).reshape(shape)


def result(x):
    x = np.asarray(x)
    return {"shape": list(x.shape), "data": [plain(v) for v in x.reshape(-1).tolist()]}


def plain(v):
    if isinstance(v, float) and (np.isnan(v) or np.isinf(v)):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(v)]
    return int(v) if isinstance(v, bool) or v == int(v) else v


# Indexing: items are numbers, "...", null, {"slice": [a, b, step]}, {"tensor": nested}, {"array": nested}, {"mask": nested}.

def random_slice(size):
    bound = lambda: rng.choice([None, rng.randint(-size - 2, size + 2)])
    return [bound(), bound(), rng.choice([None, 1, 1, 2, 3, -1, -2])]


def random_index(shape, arrays, allow_masks):
    """The items of a random index and what NumPy is given for each."""
    items, given = [], []
    places = rng.choice([[2], [3], [2, 2], [1], [0]])
    axis = 0
    ellipsis = rng.random() < 0.3
    stop = rng.randint(0, len(shape)) if not ellipsis else len(shape)
    skip = (0, 0)
    if ellipsis:
        start = rng.randint(0, len(shape))
        skip = (start, rng.randint(start, len(shape)))
    masks = 0
    while True:
        if rng.random() < 0.12:
            items.append(None)
            given.append(None)
        if ellipsis and axis == skip[0]:
            items.append("...")
            given.append(Ellipsis)
            axis = skip[1]
            ellipsis = False
            continue
        if axis >= stop:
            break
        size = shape[axis]
        kind = rng.choice(["int", "slice", "slice", "array", "tensor", "scalar", "mask"])
        if kind == "mask" and allow_masks and masks == 0:
            width = rng.choice([1, 1, 2])
            covered = shape[axis:axis + width]
            room = skip[0] - axis if ellipsis else stop - axis
            if width <= room:
                mask = np.array([rng.random() < 0.5 for _ in range(int(np.prod(covered)))]).reshape(covered)
                items.append({"mask": mask.tolist()})
                given.append(mask.astype(bool))
                masks += 1
                axis += width
                # Other index arrays would have to match the number of true elements.
                arrays = False
                places = [1]
                continue
        if kind in ("int", "scalar") and size > 0:
            i = rng.randint(-size, size - 1)
            items.append(i if kind == "int" else {"tensor": i})
            given.append(i if kind == "int" else np.array(i))
        elif kind in ("array", "tensor") and arrays and (size > 0 or 0 in places):
            own = [1 if rng.random() < 0.2 else n for n in places] if 0 not in places else places
            own = own[rng.randint(0, len(own) - 1):] if rng.random() < 0.2 else own
            count = int(np.prod(own, dtype=int))
            index = np.array([rng.randint(-size, size - 1) for _ in range(count)], dtype=np.int64).reshape(own)
            if index.size > 0:
                items.append({kind: index.tolist()})
                given.append(index)
            else:
                items.append({"slice": [None, None, None]})
                given.append(slice(None))
        else:
            part = random_slice(size)
            items.append({"slice": part})
            given.append(slice(*part))
        axis += 1
    return items, tuple(given)


def random_shape():
    return [rng.choice([1, 2, 3, 4, 5, 3, 2, 0] if rng.random() < 0.3 else [1, 2, 3, 4, 5]) for _ in range(rng.randint(1, 4))]


def reads(count):
    cases = []
    while len(cases) < count:
        shape = random_shape()
        masks = rng.random() < 0.25
        items, given = random_index(shape, not masks, masks)
        part = operand(shape)[given]
        if part.size > 80:
            continue
        cases.append({"shape": shape, "index": items, **{"expected": result(part)}})
    return cases


def writes(count):
    cases = []
    while len(cases) < count:
        shape = random_shape()
        masks = rng.random() < 0.25
        items, given = random_index(shape, not masks, masks)
        x = operand(shape)
        if x.size > 60:
            continue
        part = x[given]
        value = list(part.shape)
        choice = rng.random()
        if choice < 0.3:
            value = []
        elif choice < 0.5:
            value = value[rng.randint(0, len(value)):]
        elif choice < 0.7:
            value = [1 if rng.random() < 0.5 else n for n in value]
        update = operand(value, 1)
        added = x.copy()
        np.add.at(added, given, update)
        # Of repeated places the last one stays.
        replaced = x.copy()
        places = np.arange(x.size).reshape(shape)[given]
        for place, v in zip(places.reshape(-1), np.broadcast_to(update, part.shape).reshape(-1)):
            replaced.reshape(-1)[place] = v
        cases.append({"shape": shape, "index": items, "value": value, "set": result(replaced)["data"],
                      "add": result(added)["data"]})
    return cases


# Calls: [name, shapes of the operands, further arguments, result or list of results].

CALLS = []


def call(name, shapes, arguments, fn):
    value = fn(*[operand(s, k) for k, s in enumerate(shapes)])
    value = [result(v) for v in value] if isinstance(value, (list, tuple)) else result(value)
    CALLS.append([name, shapes, arguments, value])


def shape_calls():
    for to in [[6, 4], [-1, 3], [2, 3, -1], [24], [1, 24, 1]]:
        call("reshape", [[2, 3, 4]], [to], lambda x: x.reshape(to))
    call("reshape", [[0, 3]], [[3, -1]], lambda x: x.reshape(3, 0))
    call("flatten", [[2, 3, 4]], [2], lambda x: x.reshape(2, 12))
    call("flatten", [[]], [], lambda x: x.reshape(1))
    call("ravel", [[2, 3]], [], np.ravel)
    for axis in [0, 2, -1, [0, 1], [1, -1]]:
        call("expandDims", [[2, 3]], [axis], lambda x: np.expand_dims(x, tuple(axis) if isinstance(axis, list) else axis))
    call("squeeze", [[1, 3, 1]], [], np.squeeze)
    call("squeeze", [[1, 3, 1]], [-1], lambda x: np.squeeze(x, -1))
    call("squeeze", [[1, 3, 1]], [[0, 2]], lambda x: np.squeeze(x, (0, 2)))
    call("broadcastTo", [[3, 1]], [[2, 3, 5]], lambda x: np.broadcast_to(x, (2, 3, 5)))
    call("transpose", [[2, 3, 4]], [], np.transpose)
    call("transpose", [[2, 3, 4]], [[1, -1, 0]], lambda x: np.transpose(x, (1, 2, 0)))
    call("swapAxes", [[2, 3, 4]], [0, -1], lambda x: np.swapaxes(x, 0, -1))
    call("moveAxis", [[2, 3, 4]], [0, -1], lambda x: np.moveaxis(x, 0, -1))
    call("moveAxis", [[2, 3, 4]], [-1, 1], lambda x: np.moveaxis(x, -1, 1))
    call("dimshuffle", [[2, 3]], [1, "x", 0], lambda x: x.T[:, None, :])
    call("dimshuffle", [[1, 3]], ["x", 1], lambda x: x)
    for counts, axis in [(2, 0), ([1, 3], 0), (3, 1), ([0, 3], -1)]:
        cuts = counts if isinstance(counts, int) else np.cumsum(counts)[:-1]
        call("split", [[4, 3]], [counts, axis], lambda x: np.split(x, cuts, axis))
    call("repeat", [[2, 3]], [2], lambda x: np.repeat(x, 2))
    call("repeat", [[2, 3]], [3, 0], lambda x: np.repeat(x, 3, 0))
    call("repeat", [[2, 3]], [[1, 0, 2], -1], lambda x: np.repeat(x, [1, 0, 2], -1))
    for reps in [2, [2, 1], [2, 1, 3], [0, 2], [3, 2, 1, 1]]:
        call("tile", [[2, 3]], [reps], lambda x: np.tile(x, reps))
    call("flip", [[2, 3]], [], np.flip)
    call("flip", [[2, 3]], [-1], lambda x: np.flip(x, -1))
    for shift, axis in [(1, 0), (-2, 1), ([1, 2], [0, 1]), (7, 1), (0, 0)]:
        call("roll", [[3, 4]], [shift, axis], lambda x: np.roll(x, shift, axis))
    call("roll", [[3, 4]], [5], lambda x: np.roll(x, 5))
    call("roll", [[0, 4]], [1, 0], lambda x: np.roll(x, 1, 0))
    for mode in ["constant", "edge", "reflect", "wrap"]:
        for widths in [1, [2, 1], [[0, 2], [5, 7]], [[1, 1], [0, 0]], 9]:
            call("pad", [[3, 2]], [widths, {"mode": mode}], lambda x: np.pad(x, widths, mode=mode))
        call("pad", [[3, 1]], [2, {"mode": mode}], lambda x: np.pad(x, 2, mode=mode))
    call("pad", [[3, 2]], [1, {"value": -4}], lambda x: np.pad(x, 1, constant_values=-4))
    call("take", [[3, 4]], [[2, 0, -1], 0], lambda x: np.take(x, [2, 0, -1], 0))
    call("take", [[3, 4]], [[[1, 1], [3, 0]], 1], lambda x: np.take(x, [[1, 1], [3, 0]], 1))
    call("take", [[3, 4]], [[11, -12]], lambda x: np.take(x, [11, -12]))
    call("take", [[3, 4]], [1, 1], lambda x: np.take(x, 1, 1))
    call("gather", [[3, 4]], [[[1], [3], [0]]], lambda x: np.take_along_axis(x, np.array([[1], [3], [0]]), -1))
    call("gather", [[3, 4]], [[[1, 0, 2, 2]], 0], lambda x: np.take_along_axis(x, np.array([[1, 0, 2, 2]]), 0))
    call("nonzero", [[3, 9]], [], lambda x: np.nonzero(x))
    call("unravelIndex", [], [[7, 0, 11, 5], [3, 4]], lambda: np.unravel_index([7, 0, 11, 5], (3, 4)))
    call("unravelIndex", [], [[[7], [23]], [2, 3, 4]], lambda: np.unravel_index([[7], [23]], (2, 3, 4)))
    call("compress", [[3, 4]], [[True, False, True], {"axis": 0}], lambda x: np.compress([True, False, True], x, 0))
    call("compress", [[3, 2]], [[False, True], {"axis": 1}], lambda x: np.compress([False, True], x, 1))


def list_calls():
    call("concat", [[2, 3], [1, 3], [0, 3]], [], lambda *xs: np.concatenate(xs))
    call("concat", [[2, 3], [2, 1]], [-1], lambda *xs: np.concatenate(xs, -1))
    call("stack", [[2, 3], [2, 3]], [], lambda *xs: np.stack(xs))
    call("stack", [[2, 3], [2, 3], [2, 3]], [-1], lambda *xs: np.stack(xs, -1))
    call("stack", [[], []], [0], lambda *xs: np.stack(xs))


def product_calls():
    for a, b in [([3], [3]), ([5, 3], [3]), ([3], [3, 5]), ([5, 3], [3, 7]), ([2, 5, 3], [3, 7]), ([5, 3], [2, 3, 7]),
                 ([2, 5, 3], [2, 3, 7]), ([4, 1, 5, 3], [2, 3, 7]), ([1, 5, 3], [6, 3, 2]), ([2, 1, 2, 3], [1, 4, 3, 2]),
                 ([3], [2, 3, 4]), ([2, 4, 3], [3]), ([3, 0], [0, 2]), ([0, 3], [3, 2]), ([1, 1], [1, 1]),
                 ([1, 2, 3], [1, 3, 2]), ([17, 33], [33, 19])]:
        call("matmul", [a, b], [], np.matmul)
    for a, b in [([3], [3]), ([2, 3], [3]), ([2, 3], [3, 4]), ([2, 5, 3], [4, 3, 6]), ([], [2, 3]), ([2], []), ([3], [3, 2])]:
        call("dot", [a, b], [], np.dot)
    for a, b in [([3], [3]), ([2, 3], [4, 3]), ([2, 5, 3], [3]), ([], [2, 3])]:
        call("inner", [a, b], [], np.inner)
    call("outer", [[3], [4]], [], np.outer)
    call("outer", [[2, 2], [3]], [], np.outer)
    for a, b, axes in [([2, 3, 4], [3, 4, 5], 2), ([2, 3, 4], [4, 3, 5], [[1, 2], [1, 0]]), ([2, 3], [3, 4], [-1, 0]),
                       ([2, 3], [4], 0), ([2, 3, 4], [4, 5], 1), ([3, 4, 5, 2], [4, 2, 3], [[0, 3, 1], [2, 1, 0]])]:
        call("tensordot", [a, b], [axes], lambda x, y: np.tensordot(x, y, axes))
    for a, b in [([2, 3], [4, 5]), ([3], [2]), ([2], [2, 3]), ([2, 1, 2], [3, 2])]:
        call("kron", [a, b], [], np.kron)
    for options in [{}, {"offset": 1}, {"offset": -1}, {"offset": 4}, {"offset": -3}]:
        call("trace", [[3, 4]], [options], lambda x: np.trace(x, **options))
        call("diagonal", [[3, 4]], [options], lambda x: np.diagonal(x, **options))
    call("diagonal", [[2, 3, 4]], [{"axis1": -1, "axis2": 0, "offset": 1}], lambda x: np.diagonal(x, 1, -1, 0))
    call("trace", [[2, 3, 4]], [{"axis1": 1, "axis2": 2}], lambda x: np.trace(x, 0, 1, 2))


EINSUMS = [
    ("ij,jk->ik", [[2, 3], [3, 4]]), ("ij,jk", [[2, 3], [3, 4]]), ("ij,kj->ki", [[2, 3], [4, 3]]), ("ij,jk->ki", [[2, 3], [3, 4]]),
    ("bij,bjk->bik", [[2, 3, 4], [2, 4, 5]]), ("bij,bjk->ibk", [[2, 3, 4], [2, 4, 5]]), ("ijb,bjk->kbi", [[3, 4, 2], [2, 4, 5]]),
    ("ii", [[3, 3]]), ("ii->i", [[3, 3]]), ("iij->j", [[3, 3, 2]]), ("iji->ij", [[3, 2, 3]]), ("iii->i", [[3, 3, 3]]),
    ("ij->ji", [[2, 3]]), ("ij->", [[2, 3]]), ("ij->j", [[2, 3]]), ("ba", [[2, 3]]), ("i,j->ij", [[2], [3]]), ("i,i", [[3], [3]]),
    ("ij,ij->ij", [[2, 3], [2, 3]]), ("ij,ij->i", [[2, 3], [2, 3]]), ("ij,i->ij", [[2, 3], [2]]), ("ij,j->ji", [[2, 3], [3]]),
    ("...ij,...jk->...ik", [[5, 2, 3], [3, 4]]), ("...ij,...jk", [[5, 1, 2, 3], [4, 3, 2]]), ("i...,i...->...", [[3, 2, 4], [3, 2, 4]]),
    ("...,...", [[2, 3], [3]]), ("...i->i...", [[2, 3, 4]]), ("i...->...", [[2, 3, 4]]), (",ij->ij", [[], [2, 3]]), ("...,->...", [[2], []]),
    ("ij,jk,kl->il", [[2, 3], [3, 4], [4, 5]]), ("ij,jk,kl->li", [[5, 2], [2, 7], [7, 1]]), ("i,j,k->kij", [[2], [3], [4]]),
    ("ij,ik,il->jkl", [[2, 3], [2, 4], [2, 5]]), ("a,ab,abc->abc", [[2], [2, 3], [2, 3, 4]]), ("ea,fb,abcd,gc,hd->efgh", [[2, 3], [2, 3], [3, 3, 2, 2], [3, 2], [3, 2]]),
    ("i,->i", [[3], []]), ("ij,k->i", [[2, 3], [4]]), ("ij,kl->", [[2, 3], [4, 5]]), ("bhqd,bhkd->bhqk", [[2, 2, 3, 4], [2, 2, 5, 4]]),
    ("bqhd,bkhd->bhqk", [[2, 3, 2, 4], [2, 5, 2, 4]]), ("nchw,oc->nohw", [[2, 3, 2, 2], [4, 3]]), ("ij,jk->ik", [[2, 0], [0, 3]]),
    ("ij,jk->ik", [[2, 3], [1, 4]]), (" i j , j k -> i k ", [[2, 3], [3, 4]]), ("ij,jj->ij", [[2, 3], [3, 3]]), ("A,a->aA", [[2], [3]]),
]


# Convolution: zeros are inserted and padded by hand, windows are cut by NumPy, einsum sums.

def spread(x, dilations):
    shape = list(x.shape[:2]) + [max((n - 1) * d + 1, 0) if n else 0 for n, d in zip(x.shape[2:], dilations)]
    out = np.zeros(shape)
    out[(slice(None), slice(None)) + tuple(slice(None, None, d) for d in dilations)] = x
    return out


def convolve(x, w, strides, padding, input_dilation, kernel_dilation, groups, batch_groups):
    k = x.ndim - 2
    x = spread(x, input_dilation)
    x = np.pad(x, [(0, 0), (0, 0)] + [(max(lo, 0), max(hi, 0)) for lo, hi in padding])
    x = x[(slice(None), slice(None)) + tuple(slice(max(-lo, 0), x.shape[2 + i] - max(-hi, 0)) for i, (lo, hi) in enumerate(padding))]
    w = spread(w, kernel_dilation)
    views = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=tuple(range(2, 2 + k))) if k else x
    views = views[(slice(None), slice(None)) + tuple(slice(None, None, s) for s in strides)]
    letters = "uvw"[:k]
    outs = []
    for g in range(max(groups, batch_groups)):
        filters = np.split(w, max(groups, batch_groups), 0)[g]
        part = np.split(views, groups, 1)[g if groups > 1 else 0]
        part = np.split(part, batch_groups, 0)[g if batch_groups > 1 else 0]
        outs.append(np.einsum(f"nc...{letters},oc{letters}->no...", part, filters))
    return np.concatenate(outs, 1)


CONVOLUTIONS = [
    ([2, 3, 7], [4, 3, 3], [1], [[0, 0]], [1], [1], 1, 1), ([2, 3, 7], [4, 3, 3], [2], [[1, 2]], [1], [1], 1, 1),
    ([2, 3, 8], [4, 3, 3], [3], [[2, 0]], [1], [2], 1, 1), ([2, 3, 5], [4, 3, 4], [1], [[1, 1]], [2], [1], 1, 1),
    ([2, 3, 5], [4, 3, 2], [1], [[-1, -1]], [1], [1], 1, 1), ([2, 4, 7], [6, 2, 3], [2], [[0, 0]], [1], [1], 2, 1),
    ([4, 3, 7], [6, 3, 3], [2], [[0, 0]], [1], [1], 1, 2), ([2, 3, 5, 6], [4, 3, 3, 2], [1, 2], [[1, 1], [0, 1]], [1, 2], [2, 1], 1, 1),
    ([1, 2, 4, 3, 5], [2, 2, 2, 3, 2], [1, 1, 2], [[0, 0], [1, 1], [1, 0]], [1, 1, 1], [1, 1, 1], 1, 1),
    ([2, 3], [4, 3], [], [], [], [], 1, 1),
]


# Order.

SORTED = [
    [3.0, 1.0, 2.0, 1.0, 3.0, 0.0, -1.5], [float("nan"), 2.0, float("inf"), 1.0, float("nan"), -float("inf"), 2.0],
    [1.0], [], [0.0, 0.0, 0.0], [5.0, 4.0, 3.0, 2.0, 1.0],
]


def descending(a, axis=-1):
    """Stable, NaN last."""
    key = np.where(np.isnan(a), -np.inf, a)
    order = np.argsort(-key, axis=axis, kind="stable")
    # -inf and NaN share a key: NaN go behind.
    nan = np.take_along_axis(np.isnan(a), order, axis)
    return np.take_along_axis(order, np.argsort(nan, axis=axis, kind="stable"), axis)


def order_cases():
    cases = []
    for values in SORTED:
        a = np.array(values)
        down = descending(a) if a.size else np.zeros(0, int)
        cases.append({"values": result(a)["data"], "sort": result(np.sort(a))["data"],
                      "argsort": np.argsort(a, kind="stable").tolist(), "descending": result(a[down])["data"],
                      "argsortDescending": down.tolist()})
    grid = operand([3, 4, 5])
    axes = [{"axis": axis, "sort": result(np.sort(grid, axis))["data"],
             "argsort": np.argsort(grid, axis, kind="stable").reshape(-1).tolist()} for axis in [0, 1, 2, -3]]
    vector = [-2.0, 0.0, 0.0, 1.5, 3.0, float("nan"), float("nan")]
    wanted = [-3.0, -2.0, 0.0, 1.0, 1.5, 3.0, 4.0, float("inf"), -float("inf"), float("nan")]
    search = {"sorted": [plain(v) for v in vector], "values": [plain(v) for v in wanted],
              "left": np.searchsorted(vector, wanted, "left").tolist(), "right": np.searchsorted(vector, wanted, "right").tolist()}
    sizes = [[n, np.searchsorted(np.arange(n) * 2, np.arange(-1, 2 * n + 1)).tolist()] for n in [0, 1, 2, 3, 7, 8, 9]]
    bins = [3, 0, 3, 1, 6]
    counts = {"x": bins, "counts": np.bincount(bins).tolist(), "weighted": np.bincount(bins, [1, 2, 3, 4, 5]).tolist(),
              "long": np.bincount(bins, minlength=9).tolist()}
    return {"vectors": cases, "axes": axes, "search": search, "searchSizes": sizes, "bincount": counts}


def main():
    shape_calls()
    shapes, CALLS[:] = CALLS[:], []
    list_calls()
    lists, CALLS[:] = CALLS[:], []
    product_calls()
    products = CALLS[:]
    einsums = [[spec, sh, result(np.einsum(spec, *[operand(s, k) for k, s in enumerate(sh)]))] for spec, sh in EINSUMS]
    convolutions = [[list(c), result(convolve(operand(c[0]), operand(c[1], 1), *c[2:]))] for c in CONVOLUTIONS]
    golden = {"reads": reads(160), "writes": writes(140), "shapes": shapes, "lists": lists, "products": products,
              "einsums": einsums, "convolutions": convolutions, "order": order_cases()}
    rows = []
    for key, value in golden.items():
        if isinstance(value, list):
            body = ",\n".join(json.dumps(v, separators=(",", ":")) for v in value)
            rows.append(f'"{key}":[\n{body}\n]')
        else:
            rows.append(f'"{key}":{json.dumps(value, separators=(",", ":"))}')
    Path(__file__).with_suffix(".json").write_text("{" + ",\n".join(rows) + "}\n")


main()
