#!/usr/bin/env python3
"""What NumPy needs for the benchmarks of the same names, on one thread: JSON of nanoseconds, least and mean.

    OPENBLAS_NUM_THREADS=1 python3 bench/peers/with_numpy.py '["sort 1M, float32"]'
"""

import json
import sys
import time

import numpy as np

wanted = set(json.loads(sys.argv[1]))
results = {}


def bench(name, fn):
    if name not in wanted:
        return
    fn()
    times, until = [], time.perf_counter() + 0.5
    while len(times) < 5 or (time.perf_counter() < until and len(times) < 100):
        start = time.perf_counter_ns()
        fn()
        times.append(time.perf_counter_ns() - start)
    results[name] = {"min": min(times), "avg": sum(times) / len(times)}


def noise(shape, dtype):
    return np.random.default_rng(20260723).uniform(-1, 1, shape).astype(dtype)


x = noise(10**6, "float32")
rows, ordered, wide = x.reshape(1000, 1000), np.sort(x), noise(10**6, "float64")
bench("sort 1M, float32", lambda: np.sort(x))
bench("sort 1M, float64", lambda: np.sort(wide))
bench("sort 1000 rows of 1000, float32", lambda: np.sort(rows))
bench("argsort 1M, float32", lambda: np.argsort(x, kind="stable"))
bench("topk 10 of 1M, float32", lambda: np.argpartition(x, -10)[-10:])
bench("searchsorted 1M in 1M, float32", lambda: np.searchsorted(ordered, x))

xs, w, u = noise((100, 32, 128), "float32"), noise((128, 128), "float32"), noise((128, 128), "float32")
w *= 0.1
u *= 0.1


def rnn_states():
    states, inputs = [np.zeros((32, 128), "float32")], xs @ w
    for x in inputs:
        states.append(np.tanh(x + states[-1] @ u))
    return states


def rnn_gradients():
    states = rnn_states()
    slope, slopes = states[-1] * (2 / states[-1].size), np.empty_like(xs)
    for t in reversed(range(len(xs))):
        slopes[t] = slope * (1 - states[t + 1] ** 2)
        slope = slopes[t] @ u.T
    flat = slopes.reshape(-1, 128)
    return xs.reshape(-1, 128).T @ flat, np.concatenate(states[:-1]).T @ flat


bench("RNN 32x128, T = 100, forward", lambda: np.mean(rnn_states()[-1] ** 2))
bench("RNN 32x128, T = 100, with backward", rnn_gradients)

for dtype in ("float32", "float64"):
    a = noise((512, 512), dtype)
    positive = a @ a.T + np.eye(512, dtype=dtype)
    b, small = noise(512, dtype), noise((256, 256), dtype)
    bench(f"linalg.cholesky 512, {dtype}", lambda: np.linalg.cholesky(positive))
    bench(f"linalg.solve 512, {dtype}", lambda: np.linalg.solve(a, b))
    bench(f"linalg.inv 512, {dtype}", lambda: np.linalg.inv(a))
    bench(f"linalg.qr 256, {dtype}", lambda: np.linalg.qr(small))
    bench(f"linalg.svd 256, {dtype}", lambda: np.linalg.svd(small))
    bench(f"linalg.eigh 256, {dtype}", lambda: np.linalg.eigh(small + small.T))

    signal, prime = noise(2**20, dtype), noise(100_003, dtype)
    spectrum = np.fft.rfft(signal)
    bench(f"fft.rfft 2^20, {dtype}", lambda: np.fft.rfft(signal))
    bench(f"fft.irfft 2^20, {dtype}", lambda: np.fft.irfft(spectrum))
    bench(f"fft.rfft 100003 (prime), {dtype}", lambda: np.fft.rfft(prime))

json.dump(results, sys.stdout)
