#!/usr/bin/env python3
"""What NumPy and SciPy say of matrices and Fourier transforms: writes tests/golden/linalg.json and tests/golden/fft.json.

    python3 tests/golden/linalg.py

Operands are not stored: element i of the k-th operand of a case is ((37 i^2 + 11 i + 5 k) mod 101 - 50) / 16, exact in
float32. Positive definite matrices are m m^T + n I of such an m, also exact. Results are {shape, data} in float64.
"""

import json
from pathlib import Path

import numpy as np
import scipy.linalg


def operand(shape, k=0):
    size = int(np.prod(shape, dtype=int))
    i = np.arange(size, dtype=np.int64)
    return (((37 * i * i + 11 * i + 5 * k) % 101 - 50) / 16).astype(np.float64).reshape(shape)


def positive(shape):
    m = operand(shape)
    return m @ np.swapaxes(m, -1, -2) + shape[-1] * np.eye(shape[-1])


def result(x):
    x = np.asarray(x, dtype=np.float64)
    return {"shape": list(x.shape), "data": [plain(v) for v in x.reshape(-1).tolist()]}


def plain(v):
    if np.isnan(v) or np.isinf(v):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(v)]
    return int(v) if v == int(v) else v


squares = [[0, 0], [1, 1], [2, 2], [3, 3], [5, 5], [17, 17], [2, 3, 3], [2, 1, 2, 2], [0, 3, 3]]
shapes = [[1, 1], [3, 3], [5, 3], [3, 5], [1, 7], [7, 1], [17, 5], [2, 4, 2], [2, 2, 4]]
orders = ["fro", "nuc", 1, -1, 2, -2, "Infinity", "-Infinity"]


def order(o):
    return {"Infinity": np.inf, "-Infinity": -np.inf}.get(o, o)


def batched(f, a):
    flat = a.reshape((-1,) + a.shape[-2:])
    return np.stack([f(m) for m in flat]).reshape(a.shape)


golden = {
    "squares": [
        {
            "shape": s,
            "det": result(np.linalg.det(operand(s))),
            "sign": result(np.linalg.slogdet(operand(s))[0]),
            "logabsdet": result(np.linalg.slogdet(operand(s))[1]),
            "inv": result(np.linalg.inv(operand(s))),
            "cholesky": result(np.linalg.cholesky(positive(s))),
            "eigenvalues": result(np.linalg.eigvalsh(operand(s) + np.swapaxes(operand(s), -1, -2))),
            "powers": [[p, result(np.linalg.matrix_power(operand(s), p))] for p in (0, 1, 2, 5, -1, -2)],
        }
        for s in squares
    ],
    "shapes": [
        {
            "shape": s,
            "q": result(np.linalg.qr(operand(s))[0]),
            "r": result(np.linalg.qr(operand(s))[1]),
            "completeR": result(np.linalg.qr(operand(s), mode="complete")[1]),
            "singular": result(np.linalg.svd(operand(s))[1]),
            "pinv": result(np.linalg.pinv(operand(s))),
            "norms": [[o, result(np.linalg.norm(operand(s), order(o), axis=(-2, -1)))] for o in orders],
            "vectorNorms": [[o, result(np.linalg.norm(operand(s), order(o), axis=-1))] for o in (0, 1, 2, 3, "Infinity", "-Infinity")],
            "norm": result(np.linalg.norm(operand(s))),
        }
        for s in shapes
    ],
    "systems": [
        [a, b, result(np.linalg.solve(operand(a), operand(b, 1)))]
        for a, b in [
            ([1, 1], [1]), ([3, 3], [3]), ([3, 3], [3, 1]), ([5, 5], [5, 4]), ([17, 17], [17, 9]), ([17, 17], [17]),
            ([2, 3, 3], [2, 3, 2]), ([2, 3, 3], [3, 2]), ([3, 3], [2, 3, 2]), ([2, 1, 3, 3], [4, 3, 1]), ([0, 0], [0, 2]),
            ([3, 3], [3, 0]), ([2, 3, 3], [3]),
        ]
    ],
    "triangular": [
        [n, k, lower, transpose, unit, result(scipy.linalg.solve_triangular(
            operand([n, n]) + 4 * np.eye(n), operand([n, k], 1), lower=lower, trans=int(transpose), unit_diagonal=unit))]
        for n, k in ((1, 1), (3, 2), (5, 9))
        for lower in (False, True) for transpose in (False, True) for unit in (False, True)
    ],
    "leastSquares": [
        [a, b, result(np.linalg.lstsq(operand(a), operand(b, 1), rcond=None)[0])]
        for a, b in [([3, 3], [3]), ([5, 3], [5]), ([5, 3], [5, 2]), ([3, 5], [3, 2]), ([7, 1], [7]), ([1, 7], [1])]
    ],
    # A matrix of rank 2, whose pseudoinverse needs the tolerance.
    "deficient": result(np.linalg.pinv(operand([5, 2]) @ operand([2, 4], 3))),
    "exponentials": [
        [s, scale, result(batched(scipy.linalg.expm, operand(s) * scale))]
        for s in ([1, 1], [2, 2], [3, 3], [5, 5], [2, 3, 3]) for scale in (0.015625, 0.25, 1, 4)
    ],
    "kron": result(np.kron(operand([2, 3]), operand([3, 2], 1))),
    "hilbert": {
        "logabsdet": result(np.linalg.slogdet(scipy.linalg.hilbert(8))[1]),
        "solution": result(scipy.linalg.invhilbert(6, exact=True).sum(axis=1)),
    },
}

lengths = [*range(1, 21), 24, 27, 31, 36, 49, 64, 97, 100, 121, 127, 128, 169, 243, 289, 360, 509, 625, 1000, 1024]


def spectrum(x):
    return {"re": result(x.real), "im": result(x.imag)}


transforms = {
    "real": [[n, spectrum(np.fft.rfft(operand([n])))] for n in lengths],
    "complex": [[n, spectrum(np.fft.fft(operand([n]) + 1j * operand([n], 1)))] for n in lengths if n <= 128],
    "inverse": [
        [m, n, result(np.fft.irfft(operand([m]) + 1j * operand([m], 1), n))]
        for m, n in ((2, 2), (2, 3), (3, 4), (3, 5), (5, 9), (9, 16), (9, 17), (9, 10), (9, 30), (51, 100), (64, 127), (64, 126))
    ],
    "fitted": [[n, k, spectrum(np.fft.rfft(operand([n]), k))] for n, k in ((5, 3), (5, 8), (16, 9), (3, 17))],
    "batched": spectrum(np.fft.rfft(operand([2, 3, 12]))),
}

here = Path(__file__).parent


def write(name, content):
    # One case a line.
    parts = []
    for key, value in content.items():
        if isinstance(value, list):
            parts.append(f'"{key}":[\n' + ",\n".join(json.dumps(v, separators=(",", ":")) for v in value) + "\n]")
        else:
            parts.append(f'"{key}":' + json.dumps(value, separators=(",", ":")))
    (here / name).write_text("{" + ",\n".join(parts) + "}\n")


write("linalg.json", golden)
write("fft.json", transforms)
