"""Golden values of elementwise functions, reductions and integer arithmetic, from NumPy, SciPy and mpmath in float64.

Run: python3 tests/golden/operations.py   (writes tests/golden/operations.json)
"""

import json
import math
import os

import mpmath
import numpy as np
import scipy.special as special

np.seterr(all="ignore")
rng = np.random.default_rng(20260723)
inf, nan = math.inf, math.nan
EXTREME = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-300, -1e-300, 5e-324, 1e-10, -1e-10, 1e10, -1e10,
           1e300, -1e300, 709.5, -700.0, 1e-5, 0.9999999, -0.9999999, 1.0000001, math.pi, inf, -inf, nan]
ORDINARY = [float(x) for x in np.round(rng.normal(size=24) * 3, 6)] + [float(x) for x in np.round(rng.random(12), 6)]
POINTS = ORDINARY + EXTREME


def exact(f):
    """SciPy is off by up to 1e-13 in these functions: 40 digits instead."""
    def apply(values):
        with mpmath.workdps(40):
            return np.array([float(f(float(x))) for x in values])
    return apply


def erfinv(x):
    if not abs(x) < 1:
        return x * inf if abs(x) == 1 else nan
    return math.copysign(float(mpmath.erfinv(x)), x)


def lgamma(x):
    return nan if x != x else inf if math.isinf(x) else mpmath.log(abs(mpmath.gamma(x)))


def digamma(x):
    return x if x != x or math.isinf(x) else mpmath.digamma(x)


def sigmoid(x):
    return special.expit(x)


UNARY = {
    "neg": np.negative, "abs": np.abs, "sign": np.sign, "floor": np.floor, "ceil": np.ceil, "round": np.rint,
    "trunc": np.trunc, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "reciprocal": lambda x: 1 / x,
    "square": np.square, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log2": np.log2,
    "log10": np.log10, "log1p": np.log1p, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin,
    "acos": np.arccos, "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh,
    "acosh": np.arccosh, "atanh": np.arctanh, "sigmoid": sigmoid, "erf": special.erf, "erfc": special.erfc,
    "erfinv": exact(erfinv), "isNaN": np.isnan, "isFinite": np.isfinite,
}
BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "floorDiv": np.floor_divide,
    "mod": np.mod, "pow": np.power, "atan2": np.arctan2, "minimum": np.minimum, "maximum": np.maximum,
    "hypot": np.hypot, "logaddexp": np.logaddexp, "eq": np.equal, "ne": np.not_equal, "lt": np.less,
    "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}
INTEGER = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "floorDiv": np.floor_divide, "mod": np.mod,
    "minimum": np.minimum, "maximum": np.maximum, "and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor,
    "eq": np.equal, "lt": np.less, "ge": np.greater_equal,
}


def number(x):
    x = float(x)
    if math.isnan(x):
        return "NaN"
    if math.isinf(x):
        return "Infinity" if x > 0 else "-Infinity"
    if x == 0 and math.copysign(1, x) < 0:
        return "-0"
    return int(x) if x == int(x) and abs(x) < 2**53 else x


def flat(values):
    return [number(x) for x in np.asarray(values).reshape(-1)]


def unary():
    x = np.array(POINTS)
    return {name: flat(f(x)) for name, f in UNARY.items()}


def gamma_points():
    x = np.array([v for v in ORDINARY + [0.5, 1.0, 2.0, 1.5, 1e-10, 100.0, 1e10, -0.5, inf, nan] if abs(v) > 1e-12])
    return {"x": flat(x), "lgamma": flat(exact(lgamma)(x)), "digamma": flat(exact(digamma)(x))}


def binary():
    special_values = [0.0, -0.0, 1.0, -1.0, 2.0, -2.5, 3.0, 0.1, 1e300, -1e-300, inf, -inf, nan]
    pairs = [(a, b) for a in special_values for b in special_values]
    pairs += [(float(a), float(b)) for a, b in np.round(rng.normal(size=(20, 2)) * 4, 6)]
    a, b = np.array(pairs).T
    return {"a": flat(a), "b": flat(b), **{name: flat(f(a, b)) for name, f in BINARY.items()}}


def integers():
    result = {}
    for dtype in ["int32", "uint32", "int8", "uint8"]:
        info = np.iinfo(dtype)
        values = [info.min, info.min + 1, 0, 1, 2, 3, 7, info.max - 1, info.max] + ([-1, -2, -7] if info.min < 0 else [])
        values += [int(v) for v in rng.integers(info.min, info.max, size=5)]
        pairs = np.array([(x, y) for x in values for y in values])
        a, b = pairs[:, 0].astype(dtype), pairs[:, 1].astype(dtype)
        entry = {"a": flat(a), "b": flat(b)}
        for name, f in INTEGER.items():
            entry[name] = flat(f(a, b))
        entry["neg"] = flat(-a)
        entry["abs"] = flat(np.abs(a))
        entry["sign"] = flat(np.sign(a))
        entry["square"] = flat(np.square(a))
        entry["not"] = flat(~a)
        entry["shiftLeft"] = flat(a << 3)
        entry["shiftRight"] = flat(a >> 3)
        entry["cube"] = flat(a * a * a)
        result[dtype] = entry
    return result


def logsumexp(x, axis, keepdims):
    with np.errstate(all="ignore"):
        return special.logsumexp(x, axis=axis, keepdims=keepdims)


REDUCTIONS = {
    "sum": lambda x, axis, keep: np.sum(x, axis=axis, keepdims=keep),
    "prod": lambda x, axis, keep: np.prod(x, axis=axis, keepdims=keep),
    "max": lambda x, axis, keep: np.max(x, axis=axis, keepdims=keep),
    "min": lambda x, axis, keep: np.min(x, axis=axis, keepdims=keep),
    "mean": lambda x, axis, keep: np.mean(x, axis=axis, keepdims=keep),
    "variance": lambda x, axis, keep: np.var(x, axis=axis, keepdims=keep),
    "std": lambda x, axis, keep: np.std(x, axis=axis, keepdims=keep),
    "logsumexp": logsumexp,
    "any": lambda x, axis, keep: np.any(x, axis=axis, keepdims=keep),
    "all": lambda x, axis, keep: np.all(x, axis=axis, keepdims=keep),
    "norm": lambda x, axis, keep: np.sqrt(np.sum(x * x, axis=axis, keepdims=keep)),
}


def reductions():
    cases = []
    specials = [[1.0, nan, 2.0], [inf, 1.0, 2.0], [-inf, -inf, -inf], [inf, -inf, 1.0], [0.0, 0.0, 0.0]]
    arrays = [np.round(rng.normal(size=shape), 5) for shape in [(1,), (5,), (3, 17), (2, 3, 5)]]
    arrays += [np.array(x) for x in specials] + [np.array(specials)]
    arrays += [np.array([1000.0, 1000.0]), np.array([[3.0, 3.0, 1.0], [1.0, 2.0, 2.0]])]
    for x in arrays:
        axes = [None] + list(range(-x.ndim, x.ndim)) + ([(0, 2)] if x.ndim == 3 else [])
        for axis in axes:
            case = {"x": flat(x), "shape": list(x.shape), "axis": list(axis) if isinstance(axis, tuple) else axis}
            keep = len(cases) % 2 == 1
            case["keepDims"] = keep
            for name, f in REDUCTIONS.items():
                case[name] = flat(f(x, axis, keep))
            case["outShape"] = list(np.sum(x, axis=axis, keepdims=keep).shape)
            if not isinstance(axis, tuple):
                case["argmax"] = flat(np.argmax(x, axis=axis))
                case["argmin"] = flat(np.argmin(x, axis=axis))
                case["cumsum"] = flat(np.cumsum(x, axis=axis))
                case["cumprod"] = flat(np.cumprod(x, axis=axis))
                case["cummax"] = flat(np.maximum.accumulate(x.reshape(-1) if axis is None else x, axis=axis or 0))
                case["diff"] = flat(np.diff(x, axis=-1 if axis is None else axis))
                case["sample"] = flat(np.var(x, axis=axis, ddof=1))
            if axis is not None and not isinstance(axis, tuple) and np.isfinite(x).all():
                for order in [1, 3, 0.5, inf, -inf, 0]:
                    case[f"norm {number(order)}"] = flat(np.linalg.norm(x, ord=order, axis=axis))
            cases.append(case)
    return cases


def main():
    data = {
        "points": flat(POINTS), "unary": unary(), "gamma": gamma_points(), "binary": binary(),
        "integers": integers(), "reductions": reductions(),
    }
    path = os.path.join(os.path.dirname(__file__), "operations.json")
    with open(path, "w") as file:
        json.dump(data, file, separators=(",", ":"))
        file.write("\n")


main()
