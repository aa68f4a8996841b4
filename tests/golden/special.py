"""Golden values of the composed special functions: tests/golden/special.json, by mpmath in 60 digits.

Run: python3 tests/golden/special.py

Arguments are float32 numbers, so that they serve both types; results are the exact values rounded to float64, and null
stands for NaN, "inf" and "-inf" for infinities.
"""

import json
import math
import random
import struct

import mpmath
from mpmath import mp, mpf

mp.dps = 60
random.seed(10)


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def uniform(low, high, count):
    return [f32(random.uniform(low, high)) for _ in range(count)]


def geometric(low, high, count):
    return [f32(math.exp(random.uniform(math.log(low), math.log(high)))) for _ in range(count)]


def written(value):
    if isinstance(value, str) or value is None:
        return value
    value = float(value)
    return "inf" if value == math.inf else "-inf" if value == -math.inf else value


def rows(function, points, special=()):
    result = [[*x, written(y)] for x, y in special]
    for point in points:
        point = point if isinstance(point, tuple) else (point,)
        result.append([*point, written(function(*[mpf(a) for a in point]))])
    return result


def erfcinv(x):
    if x >= mpf("0.5"):
        return mpmath.erfinv(1 - x)
    y = mpmath.sqrt(-mpmath.log(x))
    for _ in range(300):
        step = (mpmath.erfc(y) - x) / (-2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-y * y))
        y -= step
        if abs(step) < mpf(10) ** -45:
            break
    return y


wide = uniform(-6, 12, 40) + geometric(1e-6, 1, 10)
positive = geometric(1e-4, 1e4, 20) + uniform(0.1, 20, 20)
tables = {
    "gamma": rows(
        mpmath.gamma,
        wide + uniform(10, 34, 20) + uniform(-30, -6, 10) + [float(n) for n in range(1, 31)] + geometric(1e-30, 1e-6, 4),
        [((0.0,), "inf"), ((-1.0,), None), ((-7.0,), None), ((200.0,), "inf")],
    ),
    "trigamma": rows(lambda x: mpmath.polygamma(1, x), positive + uniform(-8, 0, 20), [((0.0,), "inf")]),
    "polygamma2": rows(lambda x: mpmath.polygamma(2, x), positive),
    "polygamma5": rows(lambda x: mpmath.polygamma(5, x), uniform(0.2, 20, 20) + uniform(-4, 0, 20)),
    "j0": rows(mpmath.j0, uniform(-10, 10, 40) + uniform(10, 1000, 20) + [0.0], [((math.inf,), 0.0)]),
    "j1": rows(mpmath.j1, uniform(-10, 10, 40) + uniform(10, 1000, 20) + geometric(1e-20, 1, 10) + [0.0], [((math.inf,), 0.0)]),
    "erfcinv": rows(
        erfcinv,
        uniform(0, 2, 40) + geometric(1e-37, 1, 30),
        [((0.0,), "inf"), ((2.0,), "-inf"), ((-1.0,), None), ((2.5,), None)],
    ),
}


def lower(a, x):
    return mpmath.gammainc(a, 0, x, regularized=True)


def upper(a, x):
    return mpmath.gammainc(a, x, mpmath.inf, regularized=True)


# Shapes and places of all regions: around the mean, far below it and far beyond it.
pairs = []
for a in geometric(1e-3, 300, 30) + [0.5, 1.0, 10.0, 20.0, 19.5]:
    for part in (random.uniform(0.02, 0.6), random.uniform(0.7, 1), random.uniform(1, 1.3), random.uniform(1.4, 3)):
        pairs.append((a, f32(a * part)))
pairs += [(a, f32(a + step * math.sqrt(a))) for a in (1e3, 1e4, 1e5) for step in (-3, -1, 0, 0.5, 2, 4)]
pairs += [(f32(random.uniform(0.01, 1.2)), f32(random.uniform(0.001, 1.2))) for _ in range(30)]
ends = [(1.0, 0.0), (0.0, 1.0), (2.0, math.inf), (math.inf, 2.0), (-1.0, 1.0), (1.0, -1.0), (0.0, 0.0)]
tables["erfcx"] = rows(lambda x: mpmath.exp(x * x) * mpmath.erfc(x), uniform(0.4, 1.2, 60) + uniform(0.95, 1, 40) + uniform(-3, 9, 20))
small = mpf(10) ** -30
tables["gammainc"] = rows(lower, [pair for pair in pairs if lower(*map(mpf, pair)) > small], list(zip(ends, (0.0, 1.0, 1.0, 0.0, None, None, None))))
tables["gammaincc"] = rows(upper, [pair for pair in pairs if upper(*map(mpf, pair)) > small], list(zip(ends, (1.0, 0.0, 0.0, 1.0, None, None, None))))
triples = []
for a, b in zip(geometric(0.05, 200, 40), geometric(0.05, 200, 40)):
    mean, deviation = a / (a + b), math.sqrt(a * b / (a + b) ** 2 / (a + b + 1))
    for step in (-2, -0.5, 0.3, 1.5):
        x = f32(min(max(mean + step * deviation, 1e-3), 0.998))
        triples.append((a, b, x))
tables["betainc"] = rows(
    lambda a, b, x: mpmath.betainc(a, b, 0, x, regularized=True),
    [t for t in triples if mpmath.betainc(*map(mpf, t[:2]), 0, mpf(t[2]), regularized=True) > small],
    [((2.0, 3.0, 0.0), 0.0), ((2.0, 3.0, 1.0), 1.0), ((2.0, 3.0, 1.5), None), ((-1.0, 3.0, 0.5), None)],
)
for table in tables.values():
    for row in table:
        for i, value in enumerate(row[:-1]):
            row[i] = written(value)

with open("tests/golden/special.json", "w") as out:
    out.write("{\n")
    out.write(",\n".join(f"  {json.dumps(name)}: {json.dumps(table)}" for name, table in tables.items()))
    out.write("\n}\n")
