"""The workloads in NumPy: the native bar. Speaks the protocol of child.ts on standard input and output."""

import json
import sys
import time

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

RATE = np.float32(0.1)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    e /= e.sum(-1, keepdims=True)
    return e


def layer_norm(x, gamma, beta):
    d = x - x.mean(-1, keepdims=True)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + np.float32(1e-5)) * gamma + beta


def chain(x):
    """In blocks that stay in the cache, which is how a careful user of NumPy would write it."""
    out = np.empty_like(x)
    for i in range(0, x.size, 16384):
        v = x[i : i + 16384]
        out[i : i + 16384] = np.tanh(v * 2 + 1) * np.exp(-v * v) + np.sin(v)
    return out


def mlp(x, labels, w1, w2, w3):
    p = [w1.copy(), np.zeros(512, np.float32), w2.copy(), np.zeros(512, np.float32), w3.copy(), np.zeros(10, np.float32)]
    hot = np.eye(10, dtype=np.float32)[labels]
    rows = np.arange(len(labels))

    def step():
        h1 = np.maximum(x @ p[0] + p[1], 0)
        h2 = np.maximum(h1 @ p[2] + p[3], 0)
        q = softmax(h2 @ p[4] + p[5])
        loss = -np.log(q[rows, labels]).mean()
        d3 = (q - hot) / np.float32(len(labels))
        d2 = (d3 @ p[4].T) * (h2 > 0)
        d1 = (d2 @ p[2].T) * (h1 > 0)
        gradients = [x.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0), h2.T @ d3, d3.sum(0)]
        for value, gradient in zip(p, gradients):
            value -= RATE * gradient
        return loss

    return step


def columns_of(x):
    windows = sliding_window_view(x, (5, 5), axis=(2, 3))
    return np.ascontiguousarray(windows.transpose(0, 2, 3, 1, 4, 5)).reshape(32 * 784, 400)


def convolution(x, w):
    return (columns_of(x) @ w.reshape(32, 400).T).reshape(32, 28, 28, 32)


def convolution_gradients(x, w):
    columns, filters = columns_of(x), w.reshape(32, 400)
    d = 2 * (columns @ filters.T)
    dw = (d.T @ columns).reshape(w.shape)
    parts = (d @ filters).reshape(32, 28, 28, 16, 5, 5)
    dx = np.zeros_like(x)
    for i in range(5):
        for j in range(5):
            dx[:, :, i : i + 28, j : j + 28] += parts[..., i, j].transpose(0, 3, 1, 2)
    return dx, dw


def states(xs, w, u, b):
    hs = [np.zeros((32, 128), np.float32)]
    for x in xs:
        hs.append(np.tanh(x @ w + hs[-1] @ u + b))
    return hs


def rnn_gradients(xs, w, u, b):
    hs = states(xs, w, u, b)
    dw, du, db = np.zeros_like(w), np.zeros_like(u), np.zeros_like(b)
    back = 2 * hs[-1]
    for t in range(len(xs) - 1, -1, -1):
        d = back * (1 - hs[t + 1] ** 2)
        dw += xs[t].T @ d
        du += hs[t].T @ d
        db += d.sum(0)
        back = d @ u.T
    return dw, du, db


def regression(x, y):
    w = np.zeros(10, np.float32)
    for _ in range(1000):
        w = w - RATE * (x.T @ (2 * (x @ w - y) / np.float32(100)))
    return w


def prepare(workload, a):
    """A function that computes once, and one that gives what is compared."""
    if workload.startswith("matmul"):
        left, right = workload[-2] == "T", workload[-1] == "T"
        f = lambda: (a["a"].T if left else a["a"]) @ (a["b"].T if right else a["b"])
    elif workload.startswith("chain"):
        f = lambda: chain(a["x"])
    elif workload == "softmax 1024x1024":
        f = lambda: softmax(a["x"])
    elif workload == "layer norm 1024x1024":
        f = lambda: layer_norm(a["x"], a["gamma"], a["beta"])
    elif workload == "sum 4096x4096 axis 0":
        f = lambda: a["x"].sum(0)
    elif workload == "sum 4096x4096 axis 1":
        f = lambda: a["x"].sum(1)
    elif workload == "sum 4096x4096 all":
        f = lambda: a["x"].sum()
    elif workload == "MLP step":
        step = mlp(**a)
        return step, lambda: [np.array([step(), step()])]
    elif workload == "convolution forward":
        return (lambda: convolution(a["x"], a["w"])), (
            lambda: [np.ascontiguousarray(convolution(a["x"], a["w"]).transpose(0, 3, 1, 2))]
        )
    elif workload == "convolution with both gradients":
        f = lambda: convolution_gradients(a["x"], a["w"])
    elif workload == "RNN of 100 steps forward":
        f = lambda: states(**a)[-1]
    elif workload == "RNN of 100 steps with backward":
        f = lambda: rnn_gradients(**a)
    elif workload == "1,000 steps of linear regression":
        f = lambda: regression(a["x"], a["y"])
    elif workload == "z = x + y on 8 numbers":
        x, y = a["x"], a["y"]

        def add():
            for _ in range(1000):
                z = x + y

        return add, lambda: [x + y]
    else:
        return None
    return f, lambda: list(r) if isinstance(r := f(), tuple) else [np.asarray(r)]


def read(entry):
    dtype = np.int32 if entry["dtype"] == "int32" else np.float32
    return np.fromfile(entry["file"], dtype).reshape(entry["shape"])


def run_for(run, milliseconds, last):
    """As in child.ts: short computations get going again before they are counted."""
    started = time.perf_counter()
    while last < milliseconds / 6 and (time.perf_counter() - started) * 1e3 < milliseconds / 6:
        run()
    times, started = [], time.perf_counter()
    while not times or (time.perf_counter() - started) * 1e3 < milliseconds:
        t = time.perf_counter()
        run()
        times.append((time.perf_counter() - t) * 1e3)
    return times


def answer(reply):
    print(json.dumps(reply), flush=True)


run, last = None, float("inf")
answer({"version": "NumPy " + np.__version__})
for line in sys.stdin:
    asked = json.loads(line)
    if "round" in asked:
        times = run_for(run, asked["round"], last)
        last = times[-1]
        answer({"times": times})
        continue
    prepared = prepare(asked["prepare"], {name: read(entry) for name, entry in asked["inputs"].items()})
    if prepared is None:
        answer({"missing": True})
        continue
    run, outputs = prepared
    t = time.perf_counter()
    results = outputs()
    first = (time.perf_counter() - t) * 1e3
    files = []
    for i, result in enumerate(results):
        files.append(f"{asked['folder']}/output_{i}")
        np.asarray(result, np.float32).tofile(files[-1])
    answer({"first": first, "outputs": files})
