"""Golden values of the vector functions: tests/golden/math/<function>.bin, computed with mpmath in 50 digits and more.

Run: python3 tests/golden/math.py [directory] [points per range]

A file holds little-endian float64: the number of points for float64, the number for float32 (whose arguments are
float32 numbers), then arguments and result of each point. Results are the exact values rounded to float64.
"""

import math
import os
import random
import struct
import sys

import mpmath
from mpmath import mp, mpf

mp.dps = 50
directory = sys.argv[1] if len(sys.argv) > 1 else "tests/golden/math"
count = int(sys.argv[2]) if len(sys.argv) > 2 else 40
inf, nan = math.inf, math.nan


def f32(x):
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:
        return math.copysign(inf, x)


def digits(function, x):
    """Trigonometric functions of huge numbers, and differences from 1, need more digits."""
    large = function in (mpmath.loggamma, lgamma, mpmath.digamma, erfinv)
    if function in (erfcx, i0, i1):
        return 60
    return 60 if large else 60 + int(abs(math.frexp(x)[1]) * 0.302)


def evaluate(function, special, *arguments):
    key = arguments[0] if len(arguments) == 1 else arguments
    if function is lgamma and -inf < arguments[0] < 0 and arguments[0] == math.floor(arguments[0]):
        return inf
    if function is mpmath.digamma and arguments[0] == 0:
        return math.copysign(inf, -arguments[0])
    if any(math.isnan(a) for a in arguments) and key not in special:
        return nan
    if key in special:
        return special[key]
    with mp.workdps(max(digits(function, a) if math.isfinite(a) else 50 for a in arguments)):
        try:
            value = function(*[mpf(a) for a in arguments])
        except (ValueError, ZeroDivisionError, mpmath.libmp.libhyper.NoConvergence):
            return nan
        if isinstance(value, mpmath.mpc):
            return nan
        try:
            result = float(value)
        except OverflowError:
            result = inf if value > 0 else -inf
    if result == 0 and arguments[0] == 0:
        result = math.copysign(0.0, arguments[0]) if odd else 0.0
    return result


def erfinv(x):
    if abs(x) > 1:
        raise ValueError
    y = mpmath.erfinv(x) if abs(x) < mpf("0.9") else None
    if y is not None:
        return y
    complement = 1 - abs(x)
    y = mpmath.sqrt(-mpmath.log(complement))
    for _ in range(300):
        step = (mpmath.erfc(y) - complement) / (-2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-y * y))
        y -= step
        if abs(step) < mpf(10) ** -40:
            break
    return mpmath.sign(x) * y


def sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def erfc(x):
    return mpmath.erfc(x)


def erfcx(x):
    if x < -30:
        return mpf(inf)
    if x < 100:
        return mpmath.exp(x * x) * mpmath.erfc(x)
    # Abramowitz and Stegun 1964, 7.1.23: the terms fall by more than 100 each.
    term = total = mpf(1)
    for k in range(1, 40):
        term *= -(2 * k - 1) / (2 * x * x)
        total += term
    return total / (x * mpmath.sqrt(mpmath.pi))


def i0(x):
    return mpmath.besseli(0, x) if abs(x) < 1000 else mpf(inf)


def i1(x):
    return mpmath.besseli(1, x) if abs(x) < 1000 else mpf(inf) * mpmath.sign(x)


def lgamma(x):
    # |gamma| through the reflection formula keeps digits near the poles.
    if x > 0:
        return mpmath.loggamma(x)
    return mpmath.log(mpmath.pi / abs(x * mpmath.sinpi(x))) - mpmath.loggamma(-x)


# name: (function, odd, ranges [(low, high, logarithmic?)], special values)
any64 = [(1e-310, 1e308, True), (-1e-310, -1e308, True)]
unit = [(-1, 1, False), (1e-20, 1, True), (-1e-10, -1, True), (0.999, 1, False)]
unary = {
    "exp": (mpmath.exp, False, [(-745.5, 710, False), (-104, 89, False), (-1, 1, False), (1e-20, 1, True), (-1e-20, -100, True)], {inf: inf, -inf: 0.0}),
    "exp2": (lambda x: mpf(2) ** x, False, [(-1076, 1024.5, False), (-151, 128.5, False), (-1, 1, False), (1e-20, 1, True)], {inf: inf, -inf: 0.0}),
    "expm1": (mpmath.expm1, True, [(-50, 710, False), (-3, 3, False), (1e-310, 1, True), (-1e-310, -60, True), (-0.7, 0.7, False)], {inf: inf, -inf: -1.0}),
    "log": (mpmath.log, False, [(1e-310, 1e308, True), (5e-324, 1e-300, True), (1e-45, 1e38, True), (0.5, 2, False), (0.99, 1.01, False)], {0.0: -inf, inf: inf, -inf: nan}),
    "log2": (lambda x: mpmath.log(x) / mpmath.log(2), False, [(1e-310, 1e308, True), (1e-45, 1e38, True), (0.5, 2, False), (0.99, 1.01, False)], {0.0: -inf, inf: inf, -inf: nan, 8.0: 3.0, 1024.0: 10.0}),
    "log10": (mpmath.log10, False, [(1e-310, 1e308, True), (1e-45, 1e38, True), (0.5, 2, False), (0.99, 1.01, False)], {0.0: -inf, inf: inf, -inf: nan, 1000.0: 3.0}),
    "log1p": (mpmath.log1p, True, [(1e-310, 1e308, True), (-1e-310, -1, True), (-1, 3, False), (-0.5, 0.5, False)], {-1.0: -inf, inf: inf, -inf: nan}),
    "sin": (mpmath.sin, True, any64 + [(-10, 10, False), (-8000, 8000, False), (-40000, 40000, False)], {inf: nan, -inf: nan}),
    "cos": (mpmath.cos, False, any64 + [(-10, 10, False), (-8000, 8000, False), (-40000, 40000, False)], {inf: nan, -inf: nan}),
    "tan": (mpmath.tan, True, any64 + [(-10, 10, False), (-8000, 8000, False), (-40000, 40000, False)], {inf: nan, -inf: nan}),
    "asin": (mpmath.asin, True, unit, {inf: nan, -inf: nan}),
    "acos": (mpmath.acos, False, unit, {inf: nan, -inf: nan}),
    "atan": (mpmath.atan, True, any64 + [(-4, 4, False), (1e-3, 1e3, True)], {}),
    "sinh": (mpmath.sinh, True, [(-711, 711, False), (-90, 90, False), (1e-310, 10, True), (-1e-10, -10, True), (-2, 2, False)], {inf: inf, -inf: -inf}),
    "cosh": (mpmath.cosh, False, [(-711, 711, False), (-90, 90, False), (1e-310, 10, True), (-2, 2, False)], {inf: inf, -inf: inf}),
    "tanh": (mpmath.tanh, True, [(-25, 25, False), (1e-310, 30, True), (-1e-10, -30, True), (-2, 2, False)], {inf: 1.0, -inf: -1.0}),
    "asinh": (mpmath.asinh, True, any64 + [(-4, 4, False)], {inf: inf, -inf: -inf}),
    "acosh": (mpmath.acosh, False, [(1, 1e308, True), (1, 3, False), (1, 1.001, False)], {inf: inf, -inf: nan}),
    "atanh": (mpmath.atanh, True, unit, {inf: nan, -inf: nan, 1.0: inf, -1.0: -inf}),
    "sigmoid": (sigmoid, False, [(-745, 40, False), (-100, 100, False), (-5, 5, False), (1e-20, 1, True)], {inf: 1.0, -inf: 0.0}),
    "erf": (mpmath.erf, True, [(-6, 6, False), (1e-308, 6, True), (-1e-10, -1, True), (0.9, 1.1, False)], {inf: 1.0, -inf: -1.0}),
    "erfc": (erfc, False, [(-6, 27.3, False), (0, 10.1, False), (1e-20, 1, True), (0.2, 1.1, False)], {inf: 0.0, -inf: 2.0}),
    "erfinv": (erfinv, True, unit + [(0.9999999, 1, False)], {inf: nan, -inf: nan, 1.0: inf, -1.0: -inf}),
    "erfcx": (erfcx, False, [(-26.6, 30, False), (-9.4, 12, False), (1, 1e300, True), (1e-20, 1, True), (0.2, 1.2, False)], {inf: 0.0, -inf: inf}),
    "i0": (i0, False, [(-713, 713, False), (-90, 90, False), (-9, 9, False), (1e-20, 10, True), (709, 714.2, False)], {inf: inf, -inf: inf}),
    "i1": (i1, True, [(-713, 713, False), (-90, 90, False), (-9, 9, False), (1e-300, 10, True), (709, 714.2, False)], {inf: inf, -inf: -inf}),
    "lgamma": (lgamma, False, [(1e-310, 1e300, True), (0, 12, False), (0.9, 2.6, False), (-20, 0, False), (-1e-20, -0.5, True)], {inf: inf, -inf: inf, 0.0: inf, -1.0: inf, -2.0: inf, 1.0: 0.0, 2.0: 0.0}),
    "digamma": (mpmath.digamma, False, [(1e-300, 1e300, True), (0, 12, False), (1, 2, False), (-20, 0, False)], {inf: inf, -inf: nan, 0.0: -inf, -1.0: nan, -2.0: nan}),
}
powers = [(a, b) for a in (0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, inf, -inf, nan) for b in (0.0, -0.0, 1.0, -1.0, 2.0, 3.0, -3.0, 0.5, -2.5, 1e30, -1e30, inf, -inf, nan)]


def power(a, b):
    try:
        if a == 0 and b < 0:
            odd_exponent = math.isfinite(b) and b == math.floor(b) and math.fmod(b, 2) != 0
            return math.copysign(inf, a) if odd_exponent else inf
        return math.pow(a, b)
    except OverflowError:
        return inf
    except ValueError:
        return nan


def points(low, high, logarithmic, n):
    for _ in range(n):
        if logarithmic:
            sign = -1 if low < 0 else 1
            yield sign * math.exp(random.uniform(math.log(abs(low) or 1e-310), math.log(abs(high))))
        else:
            yield random.uniform(low, high)


def write(name, sets):
    with open(os.path.join(directory, name + ".bin"), "wb") as out:
        out.write(struct.pack("<2d", *[len(s) for s in sets]))
        for rows in sets:
            for row in rows:
                out.write(struct.pack(f"<{len(row)}d", *row))


os.makedirs(directory, exist_ok=True)
common = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, inf, -inf, nan, 1e-40, -1e-40, 3e38, -3e38, 100.0, -100.0, 1.5]
for name, (function, odd, ranges, special) in unary.items():
    random.seed(name)
    sets = []
    for narrow in (False, True):
        rows = []
        arguments = list(common) + sorted(k for k in special if k not in common)
        for low, high, logarithmic in ranges:
            if narrow and logarithmic and abs(low) < 1e-44:
                low = math.copysign(1e-44, low)
            if narrow and logarithmic and abs(high) > 3e38:
                high = math.copysign(3e38, high)
            arguments += list(points(low, high, logarithmic, count))
        for x in arguments:
            x = f32(x) if narrow else x
            if name in ("lgamma", "digamma") and x < -1e15 and x not in special:
                continue
            rows.append((x, evaluate(function, special, x)))
        sets.append(rows)
    write(name, sets)


def signed_zero(result, reference):
    return math.copysign(0.0, reference) if result == 0 else result


binary = {
    "atan2": lambda y, x: mpmath.atan2(y, x),
    "pow": lambda a, b: a**b,
    "flooredMod": lambda a, b: a - mpmath.floor(a / b) * b,
    "truncatedMod": lambda a, b: a - (mpmath.floor(a / b) if (a < 0) == (b < 0) else mpmath.ceil(a / b)) * b,
}
edges = (0.0, -0.0, 1.0, -1.0, 3.0, -7.5, inf, -inf, nan, 1e-310, 1e300)


def edge_value(name, a, b):
    if name == "atan2":
        return math.atan2(a, b)
    if name == "pow":
        return power(a, b)
    if math.isnan(a) or math.isnan(b) or math.isinf(a) or b == 0:
        return nan
    if name == "truncatedMod":
        return math.fmod(a, b)
    remainder = math.fmod(a, b)
    if remainder == 0:
        return math.copysign(0.0, b)
    return remainder + b if (remainder < 0) != (b < 0) else remainder


odd = False
for name, function in binary.items():
    random.seed(name)
    sets = []
    for narrow in (False, True):
        top = 3e37 if narrow else 1e300
        pairs = []
        if name == "pow":
            pairs += [(a, b) for a in points(1e-44 if narrow else 1e-310, top, True, count) for b in points(-1, 1, False, 2)]
            for a in points(1e-30, 1e30, True, 2 * count):
                limit = (math.log(3e38) if narrow else math.log(1e308)) / abs(math.log(a))
                pairs.append((a, random.uniform(-limit * 1.1, limit)))
            pairs += [(random.uniform(0.9, 1.1), random.uniform(-700, 700)) for _ in range(count)]
            pairs += [(-random.uniform(0.1, 10), float(random.randint(-30, 30))) for _ in range(count)]
        else:
            wide = list(points(1e-35 if narrow else 1e-290, top, True, count))
            pairs += [(a * random.choice((-1, 1)), b * random.choice((-1, 1))) for a in wide for b in random.sample(wide, 1)]
            pairs += [(random.uniform(-10, 10), random.uniform(-10, 10)) for _ in range(2 * count)]
            pairs += [(random.uniform(-1e6, 1e6), random.uniform(-10, 10)) for _ in range(count)]
            pairs += [(float(random.randint(-50, 50)), float(random.randint(1, 9)) * random.choice((-1, 1))) for _ in range(count)]
        rows = []
        for a, b in powers if name == "pow" else [(a, b) for a in edges for b in edges]:
            if narrow:
                a, b = f32(a), f32(b)
            rows.append((a, b, edge_value(name, a, b)))
        for a, b in pairs:
            if narrow:
                a, b = f32(a), f32(b)
            if b == 0 or not math.isfinite(a):
                continue
            with mp.workdps(700):
                value = function(mpf(a), mpf(b))
                try:
                    result = float(value)
                except OverflowError:
                    result = inf if value > 0 else -inf
            if result == 0 and name != "pow":
                result = edge_value(name, a, b)
            rows.append((a, b, result))
        sets.append(rows)
    write(name, sets)
