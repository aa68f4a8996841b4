#!/usr/bin/env python3
"""What NumPy says of the functions of arrays over odd, empty and extreme operands in every dtype: tests/golden/ops.json,
and of indices of every kind: tests/golden/indexing.json.

    python3 tests/golden/ops.py

A case is [function, arguments, operands, results]: "$0" in the arguments stands for the first operand, operands are
[dtype, shape, data], results [shape, data], or "error" where NumPy refuses.
"""

import json
import math
import random
import warnings
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore")
np.seterr(all="ignore")
chance = random.Random(20260723)
DTYPES = ["float32", "float64", "float16", "int32", "uint32", "int8", "uint8", "bool"]
SHAPES = [[], [0], [1], [5], [3, 4], [2, 0, 3], [2, 3, 4], [1, 3], [17], [0, 3], [1, 1, 1]]
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0]
cases = []


def number(v):
    v = float(v)
    if math.isnan(v) or math.isinf(v):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(v)]
    if v == 0 and math.copysign(1, v) < 0:
        return "-0"
    return int(v) if v == int(v) and abs(v) < 2**53 else v


def flat(x):
    return [number(v) for v in np.asarray(x).astype(np.float64).reshape(-1)]


def array(shape, dtype, special=False, low=-9, high=9):
    count = int(np.prod(shape, dtype=int))
    if dtype == "bool":
        data = [chance.random() < 0.5 for _ in range(count)]
    elif dtype.startswith("float"):
        data = [chance.choice(SPECIAL) if special and chance.random() < 0.15 else round(chance.uniform(low, high) * 4) / 4 for _ in range(count)]
    else:
        data = [chance.randint(0 if dtype.startswith("u") else low, high) for _ in range(count)]
    return np.array(data, dtype=dtype).reshape(shape)


def case(function, arguments, operands, compute):
    try:
        result = compute()
        results = [[list(np.shape(r)), flat(r)] for r in (result if isinstance(result, (tuple, list)) else [result])]
    except Exception:
        results = "error"
    cases.append([function, arguments, [[str(x.dtype), list(x.shape), flat(x)] for x in operands], results])


def wide(x):
    """Sums in float64 and in integers that do not wrap."""
    return x.astype(np.float64) if x.dtype.kind == "f" else x.astype(np.int64) if x.dtype.kind in "iub" else x


def logsumexp(x, axis=None, keepdims=False):
    x = x.astype(np.float64)
    most = np.max(x, axis=axis, keepdims=True)
    most = np.where(np.isfinite(most), most, 0)
    return np.sum(most, axis=axis, keepdims=keepdims) * 0 + np.log(np.sum(np.exp(x - most), axis=axis, keepdims=keepdims)) + most.reshape(np.sum(x, axis=axis, keepdims=keepdims).shape)


REDUCTIONS = {
    "sum": lambda x, **o: np.sum(wide(x), **o), "mean": lambda x, **o: np.mean(wide(x), **o),
    "prod": lambda x, **o: np.prod(wide(x), **o), "max": np.max, "min": np.min, "argmax": np.argmax, "argmin": np.argmin,
    "any": np.any, "all": np.all, "variance": lambda x, **o: np.var(wide(x), **o), "std": lambda x, **o: np.std(wide(x), **o),
    "logsumexp": logsumexp,
}


def reductions():
    for dtype in DTYPES:
        for shape in SHAPES:
            x = array(shape, dtype, special=chance.random() < 0.4, low=-3, high=3)
            for name, f in REDUCTIONS.items():
                if name == "logsumexp" and x.size == 0:
                    continue
                rank = len(shape)
                axes = [None] + ([chance.randrange(-rank, rank)] if rank else [])
                if rank >= 2 and not name.startswith("arg"):
                    axes.append(chance.sample(range(rank), 2))
                if rank:
                    axes.append(rank)
                for axis in chance.sample(axes, min(2, len(axes))):
                    keep = chance.random() < 0.5
                    options = ({} if axis is None else {"axis": axis}) | ({"keepDims": True} if keep else {})
                    place = tuple(axis) if isinstance(axis, list) else axis
                    case(name, ["$0", options], [x], lambda: f(x, axis=place, keepdims=keep))


def along_axes():
    functions = {
        "cumsum": lambda x, axis: np.cumsum(wide(x), axis), "cumprod": lambda x, axis: np.cumprod(wide(x), axis),
        "sort": np.sort, "argsort": lambda x, axis: np.argsort(x, axis, kind="stable"), "diff": lambda x, axis: np.diff(x, axis=axis),
        "flip": np.flip,
    }
    for dtype in DTYPES:
        for shape in SHAPES:
            x, rank = array(shape, dtype, special=True, low=-3, high=3), len(shape)
            for name, f in functions.items():
                if rank:
                    axis = chance.randrange(-rank, rank + 1)
                    case(name, ["$0", axis if name == "flip" else {"axis": axis}], [x], lambda: f(x, axis))


def shapes():
    for _ in range(500):
        dtype, shape = chance.choice(DTYPES), chance.choice(SHAPES)
        x, y, rank = array(shape, dtype, True), array(shape, dtype), len(shape)
        axis = chance.randrange(-rank, rank) if rank else 0
        outside = chance.choice([rank, -rank - 1]) if chance.random() < 0.2 else axis
        order = [a - rank if chance.random() < 0.3 else a for a in chance.sample(range(rank), rank)]
        target = chance.choice([[-1], shape[::-1], shape + [1], [x.size], [-1, 1], [2, -1], [3, 5]])
        grown = chance.choice([[2] + shape, shape, [4, 3, 4], [5, 5]])
        widths = [[chance.randrange(0, 7), chance.randrange(0, 7)] for _ in shape]
        mode = chance.choice(["constant", "edge", "reflect", "wrap", "symmetric"])
        times, count, offset = chance.choice([2, [2], [2, 1], [1, 2, 2], [0]]), chance.choice([0, 1, 2, 3]), chance.choice([-2, 0, 1])
        choices = [
            ("reshape", [target], lambda: np.reshape(x, target)), ("transpose", [order], lambda: np.transpose(x, order)),
            ("transpose", [], lambda: np.transpose(x)), ("expandDims", [outside], lambda: np.expand_dims(x, outside)),
            ("squeeze", [], lambda: np.squeeze(x)), ("broadcastTo", [grown], lambda: np.broadcast_to(x, grown)),
            ("tile", [times], lambda: np.tile(x, times)), ("ravel", [], lambda: np.ravel(x)),
        ]
        if rank:
            choices += [
                ("swapAxes", [outside, 0], lambda: np.swapaxes(x, outside, 0)), ("squeeze", [axis], lambda: np.squeeze(x, axis)),
                ("split", [max(count, 1), axis], lambda: np.split(x, max(count, 1), axis)),
                ("repeat", [count, axis], lambda: np.repeat(x, count, axis)), ("roll", [offset * 5, axis], lambda: np.roll(x, offset * 5, axis)),
                ("pad", [widths, {"mode": mode}], lambda: np.pad(x, widths, mode=mode)),
                ("tril", [offset], lambda: np.tril(x, offset)), ("triu", [offset], lambda: np.triu(x, offset)),
                ("nonzero", [], lambda: np.nonzero(x)),
            ]
            if rank <= 2:
                choices.append(("diag", [offset], lambda: np.diag(x, offset)))
        function, arguments, compute = chance.choice(choices)
        case(function, ["$0", *arguments], [x], compute)
        if chance.random() < 0.2:
            case("concat", [["$0", "$1"], outside], [x, y], lambda: np.concatenate([x, y], outside))
            case("stack", [["$0", "$1"], outside], [x, y], lambda: np.stack([x, y], outside))


def selections():
    for _ in range(60):
        dtype, shape = chance.choice(DTYPES), chance.choice([s for s in SHAPES if s])
        x, axis = array(shape, dtype, True), chance.randrange(-len(shape), len(shape))
        size, places = shape[axis], chance.choice([[], [3], [2, 2], [0]])
        if size or 0 in places:
            index = np.array([chance.randrange(-size, size) for _ in range(int(np.prod(places, dtype=int)))], dtype="int32").reshape(places)
            case("take", ["$0", "$1", axis], [x, index], lambda: np.take(x, index, axis))
        mask = np.array([chance.random() < 0.5 for _ in range(size)], dtype=bool)
        case("compress", ["$0", "$1", {"axis": axis}], [x, mask], lambda: np.compress(mask, x, axis))
        ordered = np.sort(array([chance.choice([0, 1, 7])], "float32", chance.random() < 0.5))
        values, side = array(chance.choice([[], [3], [2, 3]]), "float32", True), chance.choice(["left", "right"])
        case("searchsorted", ["$0", "$1", {"side": side}], [ordered, values], lambda: np.searchsorted(ordered, values, side=side))
        bins = array([chance.choice([0, 1, 9])], chance.choice(["int32", "uint8", "uint32"]), low=0)
        case("bincount", ["$0"], [bins], lambda: np.bincount(bins))


FLOATS = ["float16", "float32", "float64"]


def common(a, b):
    """The promotion table of API.md."""
    if a == b:
        return a
    floats = [d for d in (a, b) if d in FLOATS]
    if floats:
        return max(floats, key=FLOATS.index)
    both = {a, b}
    if "bool" in both:
        return (both - {"bool"}).pop()
    return "uint32" if both == {"uint8", "uint32"} else "int32"


BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "floorDiv": np.floor_divide, "mod": np.mod,
    "minimum": np.minimum, "maximum": np.maximum, "atan2": np.arctan2, "hypot": np.hypot, "logaddexp": np.logaddexp,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
}
OF_REALS = ["div", "atan2", "hypot", "logaddexp"]


def binary():
    pairs = [([3, 4], [4]), ([], [5]), ([2, 1, 3], [4, 1]), ([0, 3], [1]), ([5], [5]), ([3], [4]), ([1], [0]), ([], [])]
    for _ in range(400):
        first, second = chance.choice(DTYPES), chance.choice(DTYPES)
        shapes = chance.choice(pairs)
        x, y, name = array(shapes[0], first, True), array(shapes[1], second, True), chance.choice(list(BINARY))
        dtype = common(first, second)
        if name in OF_REALS or dtype in FLOATS:
            dtype = "float64" if name not in ["and", "or", "xor"] else dtype
        if dtype == "bool" and name in ["floorDiv", "mod"]:
            continue
        case(name, ["$0", "$1"], [x, y], lambda: BINARY[name](x.astype(dtype), y.astype(dtype)))


def contractions():
    products = {
        "dot": (np.dot, [([], []), ([3], []), ([], [2, 3]), ([3], [3]), ([2, 3], [3]), ([2, 2, 3], [3]), ([3], [2, 3, 4]), ([2, 2, 3], [2, 3, 2]), ([0], [0]), ([2, 0], [0, 3]), ([3], [4]), ([2, 3], [2, 3])]),
        "matmul": (np.matmul, [([3], [3]), ([2, 3], [3]), ([3], [3, 4]), ([2, 3], [3, 4]), ([5, 2, 3], [3, 4]), ([2, 1, 2, 3], [4, 3, 2]), ([3], [5, 3, 2]), ([5, 2, 3], [3]), ([], [3]), ([2, 0], [0, 2]), ([0, 2, 3], [3, 1]), ([2, 3], [2, 3])]),
        "outer": (np.outer, [([], []), ([2], [3]), ([2, 3], [1, 3]), ([0], [3])]),
        "inner": (np.inner, [([], []), ([3], [3]), ([2, 3], [3]), ([2, 3], [4, 3]), ([3], []), ([2, 3], [2]), ([2, 2, 3], [3])]),
    }
    for name, (f, pairs) in products.items():
        for first, second in pairs:
            for dtype in chance.sample(["float32", "float64", "int32", "uint8", "bool"], 2):
                x, y = array(first, dtype), array(second, dtype)
                case(name, ["$0", "$1"], [x, y], lambda: f(wide(x), wide(y)))
    for axes in (1, 0, 2, [[1], [1]], [[2, 1], [0, 1]], [[0, 1, 2], [2, 1, 0]], [[-1], [0]], 3, [[0], [0, 1]]):
        x, y = array([2, 3, 4], "float64"), array([4, 3, 2], "float64")
        case("tensordot", ["$0", "$1", axes], [x, y], lambda: np.tensordot(x, y, axes))
    for spec, *operands in (
        ["ij,jk", [2, 3], [3, 4]], ["ij,jk->ki", [2, 3], [3, 4]], ["ii", [3, 3]], ["ii->i", [3, 3]], ["ba", [2, 3]],
        ["...ij,...jk->...ik", [5, 2, 3], [3, 4]], ["i,i", [3], [3]], ["i,j->ij", [3], [2]], ["ij,kl,jk->il", [2, 3], [4, 2], [3, 4]],
        ["ij->", [2, 3]], ["ij,jk", [2, 3], [4, 4]], ["ij->ii", [2, 3]], ["iij,jk->k", [2, 2, 3], [3, 4]], ["...->...", [2, 3]],
        ["i...->...", [2, 3]], ["ij,ij->i", [2, 3], [2, 3]], ["abc,bd,cd->ad", [2, 3, 4], [3, 5], [4, 5]], ["i->ij", [3]],
        ["ij", [2, 3], [2]], ["i j , j k -> i k", [2, 3], [3, 4]], ["ij,j->i", [1, 3], [3]], [",->", [], []],
        ["ij,ik->ijk", [2, 0], [2, 3]], ["ij;jk", [2, 3], [3, 4]], ["ij,jk->i-k", [2, 3], [3, 4]], ["i", [2, 3]], ["ij->k", [2, 3]],
        ["abcd,ac->bd", [2, 3, 4, 5], [2, 4]], ["ijk,kj->ik", [5, 3, 4], [4, 3]], ["a,b,c->cab", [2], [3], [4]],
    ):
        xs = [array(shape, "float64") for shape in operands]
        case("einsum", [spec, *[f"${i}" for i in range(len(xs))]], xs, lambda: np.einsum(spec, *xs))


def creation():
    for start, stop, step in ((0, 5, 1), (5, 0, -2), (0, 5, -1), (-2, 4.5, 0.5), (1, 1, 1), (2.5, -3, -1), (0, 1, 0)):
        case("arange", [start, stop, step, {"dtype": "float64"}], [], lambda: np.arange(start, stop, step, dtype="float64"))
    for start, stop, count in ((0, 1, 5), (3, -3, 4), (2, 9, 1), (0, 1, 0), (1, 1, 3)):
        case("linspace", [start, stop, count, {"dtype": "float64"}], [], lambda: np.linspace(start, stop, count))
    for n, m, k in ((3, 3, 0), (2, 4, 1), (4, 2, -2), (0, 3, 0), (3, 0, 1), (3, 3, 9)):
        case("eye", [n, m, k], [], lambda: np.eye(n, m, k))
        case("tri", [n, m, k], [], lambda: np.tri(n, m, k))


def more():
    """Options and mixtures that the groups above leave out."""
    for _ in range(120):
        dtype, shape = chance.choice(DTYPES), chance.choice([s for s in SHAPES if s])
        x, y, rank = array(shape, dtype, True, -5, 5), array(shape, chance.choice(DTYPES), True), len(shape)
        axis, n = chance.randrange(-rank, rank), chance.choice([0, 1, 2, 3])
        size = shape[axis]
        cuts = sorted(chance.choices(range(size + 1), k=2))
        sizes = [cuts[0], cuts[1] - cuts[0], size - cuts[1]]
        case("diff", ["$0", {"axis": axis, "n": n}], [x], lambda: np.diff(x, n, axis=axis))
        case("split", ["$0", sizes, axis], [x], lambda: np.split(x, cuts, axis))
        case("concat", [["$0", "$1"], axis], [x, y], lambda: np.concatenate([wide(x), wide(y)], axis))
        counts = [chance.randrange(3) for _ in range(size)]
        case("repeat", ["$0", counts, axis], [x], lambda: np.repeat(x, np.array(counts, dtype=int), axis))
        condition = array(shape, "bool")
        case("where", ["$0", "$1", "$2"], [condition, x, y], lambda: np.where(condition, wide(x), wide(y)))
        ddof = chance.choice([0, 1, 2])
        case("variance", ["$0", {"axis": axis, "ddof": ddof}], [x], lambda: np.var(wide(x), axis=axis, ddof=ddof))
        if dtype not in ("bool", "uint8", "uint32"):
            low, high = chance.choice([(-1, 2), (0, None), (None, 1), (2, -1)])
            case("clip", ["$0", low, high], [x], lambda: np.clip(x, low, high))
        order = chance.choice([1, 2, 3, 0, math.inf])
        plain = array(shape, dtype, low=-5, high=5)
        if order != math.inf:
            case("norm", ["$0", {"ord": order, "axis": axis}], [plain], lambda: np.linalg.norm(wide(plain), order, axis=axis))
        labels = array(shape, "int32", low=0, high=6)
        case("oneHot", ["$0", 5], [labels], lambda: labels[..., None] == np.arange(5))
    flat_index = array([4], "int32", low=0, high=23)
    case("unravelIndex", ["$0", [2, 3, 4]], [flat_index], lambda: np.unravel_index(flat_index, (2, 3, 4)))
    for size in (0, 1, 5, 17):
        for k in (0, 1, 3, 5):
            x = array([size], "float64", low=-3, high=3)
            order = np.argsort(-x, kind="stable")
            if k <= size:
                case("topk", ["$0", k], [x], lambda: (x[order[:k]], order[:k]))
            else:
                cases.append(["topk", ["$0", k], [["float64", [size], flat(x)]], "error"])


def index_of(shape):
    """Items of an index in NumPy's form and written as [kind, ...] for the tests."""
    items, written, axis, ellipsis = [], [], 0, False
    places, rank = chance.choice([[], [3], [2, 1], [2, 3], [1]]), len(shape)
    while len(items) < 6:
        if chance.random() < 0.12:
            items.append(None)
            written.append(["new"])
        elif chance.random() < 0.12 and not ellipsis:
            ellipsis = True
            items.append(Ellipsis)
            written.append(["rest"])
        elif axis < rank and chance.random() < 0.85:
            size, kind = shape[axis], chance.random()
            if kind < 0.25 and size > 0:
                items.append(chance.randrange(-size, size))
                written.append(["integer", items[-1]])
            elif kind < 0.6:
                bounds = [chance.choice([None, chance.randrange(-size - 2, size + 3)]) for _ in range(2)]
                step = chance.choice([None, 1, 2, -1, -2, 3])
                items.append(slice(*bounds, step))
                written.append(["slice", *bounds, step])
            elif kind < 0.85:
                form = [0] if size == 0 else chance.choice([places, places, [], [1]])
                index = np.array([chance.randrange(-size, size) for _ in range(int(np.prod(form, dtype=int)))], dtype="int32").reshape(form)
                items.append(index)
                written.append(["tensor", form, flat(index)])
            else:
                covered = shape[axis : axis + (1 if chance.random() < 0.6 else 2)]
                mask = np.array([chance.random() < 0.5 for _ in range(int(np.prod(covered, dtype=int)))], dtype=bool).reshape(covered)
                items.append(mask)
                written.append(["mask", covered, flat(mask)])
                axis += len(covered) - 1
            axis += 1
        else:
            break
    return tuple(items), written


def indexing():
    rows = []
    while len(rows) < 260:
        shape = chance.choice([[5], [3, 4], [2, 3, 4], [1, 3], [2, 0, 3], [3, 1, 2, 2], [0]])
        x = np.arange(1, int(np.prod(shape, dtype=int)) + 1, dtype=float).reshape(shape)
        items, written = index_of(shape)
        try:
            part = x[items]
        except IndexError:
            # Index tensors out of range are clamped instead.
            if all(item[0] != "tensor" for item in written):
                rows.append([shape, written, "error"])
            continue
        weights = np.arange(1, part.size + 1, dtype=float).reshape(part.shape)
        gradient, added, replaced = np.zeros(shape), x.copy(), x.copy()
        np.add.at(gradient, items, weights)
        value = chance.choice([np.array(7.0), weights * 10])
        np.add.at(added, items, value)
        replaced[items] = value
        # Which of several writes to one place stays is not fixed by NumPy.
        places = np.arange(x.size).reshape(shape)[items].reshape(-1)
        unique = value.ndim == 0 or len(set(places.tolist())) == places.size
        rows.append([shape, written, [list(part.shape), flat(part)], flat(gradient), [list(value.shape), flat(value)], flat(added), flat(replaced) if unique else None])
    return rows


for group in (reductions, along_axes, shapes, selections, binary, contractions, creation, more):
    group()


def write(name, rows):
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (Path(__file__).parent / name).write_text(f"[{lines}]\n")


write("ops.json", cases)
write("indexing.json", indexing())
