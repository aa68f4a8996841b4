"""Values of layers and functions of nn, forward and gradient, written from their definitions: writes nn.json.

Inputs follow a rule (see `operand`), so that the file holds results only. Gradients are those of the sum of the result times
weights of another rule, by central differences in float64.

Run: python3 tests/golden/nn.py
"""

import itertools
import json
import math
import os

import numpy as np

CASES = []


def operand(shape, k=0):
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    return (((i * 37 + 11 * k) % 101 - 50) / 31).reshape(shape)


def weights(shape):
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    return (((i * 13 + 5) % 17 - 8) / 5).reshape(shape)


def gradient(f, inputs, k, h=1e-5):
    x = inputs[k]
    out = np.zeros(x.size)
    for i in range(x.size):
        ends = []
        for sign in (1, -1):
            moved = x.copy().reshape(-1)
            moved[i] += sign * h
            y = f(*[moved.reshape(x.shape) if j == k else v for j, v in enumerate(inputs)])
            ends.append(float(np.sum(y * weights(np.shape(y)))))
        out[i] = (ends[0] - ends[1]) / (2 * h)
    return out


def numbers(values, digits=12):
    return [float(f"{v:.{digits}g}") for v in np.asarray(values, dtype=np.float64).reshape(-1)]


def case(fn, shapes, f, options=None, extra=None, wrt=None, transform=None):
    """One case: `f` of float64 operands; `extra` are further arguments of the function, kept as they are."""
    inputs = [operand(shape, k) for k, shape in enumerate(shapes)]
    if transform:
        inputs = [transform(v) for v in inputs]
    y = f(*inputs)
    which = range(len(inputs)) if wrt is None else wrt
    CASES.append({
        "fn": fn,
        "shapes": shapes,
        "options": options or {},
        "extra": extra or [],
        "shape": list(np.shape(y)),
        "out": numbers(y),
        "gradients": [numbers(gradient(f, inputs, k), 9) for k in which],
    })


# Convolutions, by loops over places.


def pad_of(padding, spans, inputs, strides):
    if padding == "valid":
        return [(0, 0) for _ in spans]
    if padding == "half":
        return [(s // 2, s // 2) for s in spans]
    if padding == "full":
        return [(s - 1, s - 1) for s in spans]
    if padding == "causal":
        return [(s - 1, 0) for s in spans]
    if padding == "same":
        result = []
        for s, n, st in zip(spans, inputs, strides):
            total = max(0, (math.ceil(n / st) - 1) * st + s - n)
            result.append((total // 2, total - total // 2))
        return result
    if isinstance(padding, int):
        return [(padding, padding) for _ in spans]
    return [(p, p) if isinstance(p, int) else tuple(p) for p in padding]


def each(value, n):
    return [value] * n if isinstance(value, int) else list(value)


def conv(x, w, stride=1, padding="valid", dilation=1, groups=1, flip=False):
    n = x.ndim - 2
    stride, dilation = each(stride, n), each(dilation, n)
    if flip:
        w = np.flip(w, tuple(range(2, w.ndim)))
    sizes = w.shape[2:]
    spans = [(k - 1) * d + 1 for k, d in zip(sizes, dilation)]
    pads = pad_of(padding, spans, x.shape[2:], stride)
    x = np.pad(x, [(0, 0), (0, 0), *pads])
    outs = [(x.shape[2 + a] - spans[a]) // stride[a] + 1 for a in range(n)]
    out = np.zeros((x.shape[0], w.shape[0], *outs))
    per, inner = w.shape[0] // groups, w.shape[1]
    for o in range(w.shape[0]):
        g = o // per
        for place in itertools.product(*[range(k) for k in outs]):
            window = tuple(
                slice(p * s, p * s + span, d) for p, s, span, d in zip(place, stride, spans, dilation)
            )
            part = x[(slice(None), slice(g * inner, (g + 1) * inner), *window)]
            out[(slice(None), o, *place)] = (part * w[o]).reshape(x.shape[0], -1).sum(1)
    return out


def conv_transpose(x, w, stride=1, padding="valid", dilation=1, groups=1, flip=False, outputPadding=None):
    """Every element of x adds its multiple of the filter to the result, which is then cropped."""
    n = x.ndim - 2
    stride, dilation = each(stride, n), each(dilation, n)
    if flip:
        w = np.flip(w, tuple(range(2, w.ndim)))
    spans = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation)]
    sizes = x.shape[2:]
    large = [s * st for s, st in zip(sizes, stride)]
    pads = pad_of(padding, spans, large, stride)
    if outputPadding is None:
        more = [max(0, st - span) if padding == "same" else 0 for st, span in zip(stride, spans)]
    else:
        more = each(outputPadding, n)
    whole = [(s - 1) * st + span + m for s, st, span, m in zip(sizes, stride, spans, more)]
    outputs, inner = w.shape[1], x.shape[1] // groups
    out = np.zeros((x.shape[0], outputs * groups, *whole))
    for c in range(x.shape[1]):
        g = c // inner
        for place in itertools.product(*[range(s) for s in sizes]):
            window = tuple(
                slice(p * s, p * s + span, d) for p, s, span, d in zip(place, stride, spans, dilation)
            )
            value = x[(slice(None), c, *place)]
            out[(slice(None), slice(g * outputs, (g + 1) * outputs), *window)] += np.multiply.outer(value, w[c])
    crop = tuple(slice(b, size - a) for (b, a), size in zip(pads, whole))
    return out[(slice(None), slice(None), *crop)]


def case_conv(fn, x, w, f, **options):
    case(fn, [x, w], lambda a, b: f(a, b, **options), options)


case_conv("conv1d", [2, 3, 7], [4, 3, 3], conv)
case_conv("conv1d", [1, 2, 8], [3, 2, 3], conv, stride=2, padding="same")
case_conv("conv1d", [1, 2, 7], [2, 2, 3], conv, dilation=2, padding="causal")
case_conv("conv1d", [1, 4, 5], [4, 2, 2], conv, groups=2, padding="full", flip=True)
case_conv("conv1d", [1, 1, 1], [1, 1, 3], conv, padding="half")
case_conv("conv2d", [2, 3, 5, 4], [2, 3, 3, 2], conv)
case_conv("conv2d", [1, 4, 5, 7], [6, 2, 3, 2], conv, stride=[2, 1], padding=[[1, 2], [0, 1]], dilation=[1, 2], groups=2)
case_conv("conv2d", [1, 2, 5, 5], [3, 2, 3, 3], conv, padding="same", stride=2)
case_conv("conv2d", [1, 1, 4, 5], [2, 1, 2, 4], conv, padding="same")
case_conv("conv2d", [1, 2, 4, 3], [2, 2, 2, 3], conv, padding="half", flip=True)
case_conv("conv2d", [1, 1, 3, 3], [1, 1, 2, 2], conv, padding="full", stride=2)
case_conv("conv2d", [1, 2, 3, 3], [2, 2, 3, 3], conv, padding=1, dilation=2)
case_conv("conv2d", [1, 2, 6, 6], [2, 2, 1, 1], conv, stride=3, padding=[0, 2])
case_conv("conv3d", [1, 2, 3, 4, 3], [2, 2, 2, 2, 2], conv, padding=[1, 0, [0, 1]], stride=[1, 2, 1])
case_conv("conv3d", [2, 2, 2, 3, 2], [2, 1, 2, 1, 2], conv, groups=2, padding="same")
case_conv("convTranspose1d", [2, 2, 3], [2, 3, 3], conv_transpose, stride=2)
case_conv("convTranspose2d", [1, 2, 3, 2], [2, 3, 2, 3], conv_transpose)
case_conv("convTranspose2d", [1, 2, 3, 3], [2, 1, 3, 3], conv_transpose, stride=2, padding=1, outputPadding=1)
case_conv("convTranspose2d", [1, 4, 2, 3], [4, 2, 2, 2], conv_transpose, groups=2, stride=[1, 2], dilation=[2, 1])
case_conv("convTranspose2d", [1, 1, 3, 2], [1, 2, 2, 3], conv_transpose, stride=3, padding="same")
case_conv("convTranspose2d", [1, 1, 3, 3], [1, 1, 3, 3], conv_transpose, padding="half", flip=True)
case_conv("convTranspose3d", [1, 1, 2, 2, 2], [1, 2, 2, 1, 2], conv_transpose, stride=2)
case(
    "separableConv2d",
    [[1, 2, 4, 4], [4, 1, 3, 3], [3, 4, 1, 1]],
    lambda x, d, p: conv(conv(x, d, padding="same", groups=2), p),
    {"padding": "same"},
)


# Pooling.


def pool(x, kind, window, stride=None, padding="valid", ceilMode=False, countPadding=False):
    n = len(window)
    stride = window if stride is None else each(stride, n)
    inputs = x.shape[-n:]
    pads = pad_of(padding, window, inputs, stride)
    outs = []
    for k, s, size, (b, a) in zip(window, stride, inputs, pads):
        if ceilMode:
            count = math.ceil((size + b + a - k) / s) + 1
            if (count - 1) * s >= size + b:
                count -= 1
        else:
            count = (size + b + a - k) // s + 1
        outs.append(count)
    out = np.zeros((*x.shape[:-n], *outs))
    for place in itertools.product(*[range(c) for c in outs]):
        starts = [p * s - b for p, s, (b, _) in zip(place, stride, pads)]
        window_slices = tuple(
            slice(max(0, at), min(size, at + k)) for at, k, size in zip(starts, window, inputs)
        )
        part = x[(..., *window_slices)].reshape(*x.shape[:-n], -1)
        if kind == "max":
            value = part.max(-1)
        elif kind == "sum":
            value = part.sum(-1)
        else:
            count = part.shape[-1]
            if countPadding:
                count = 1
                for at, k, size, (_, a) in zip(starts, window, inputs, pads):
                    count *= min(at + k, size + a) - at
            value = part.sum(-1) / count
        out[(..., *place)] = value
    return out


def case_pool(fn, shape, window, **options):
    kind = fn[:3]
    case(fn, [shape], lambda x: pool(x, kind, window, **options), options, [window])


for kind in ("max", "avg", "sum"):
    case_pool(f"{kind}Pool1d", [2, 1, 7], [2])
    case_pool(f"{kind}Pool2d", [1, 2, 5, 6], [2, 3])
    case_pool(f"{kind}Pool2d", [1, 2, 5, 7], [3, 2], stride=[2, 1], padding=[[1, 0], [0, 1]])
    case_pool(f"{kind}Pool2d", [1, 1, 6, 5], [3, 3], stride=2, padding=1, ceilMode=True)
    case_pool(f"{kind}Pool2d", [1, 1, 5, 5], [2, 2], ceilMode=True)
    case_pool(f"{kind}Pool2d", [1, 1, 5, 4], [3, 2], stride=2, padding="same")
    case_pool(f"{kind}Pool3d", [1, 1, 3, 4, 5], [2, 2, 3], stride=[1, 2, 2])
case_pool("avgPool2d", [1, 1, 5, 4], [3, 2], stride=2, padding=1, countPadding=True)
case_pool("avgPool2d", [1, 1, 6, 5], [3, 3], stride=2, padding=1, countPadding=True, ceilMode=True)


# Patches and sizes.


def patches(x, window, stride):
    h, w = window
    rows = []
    for image in x.reshape(-1, *x.shape[-2:]):
        for i in range(0, image.shape[0] - h + 1, stride[0]):
            for j in range(0, image.shape[1] - w + 1, stride[1]):
                rows.append(image[i : i + h, j : j + w].reshape(-1))
    return np.array(rows)


def unpatches(rows, window, shape, stride):
    h, w = window
    out, count = np.zeros(shape).reshape(-1, *shape[-2:]), np.zeros(shape).reshape(-1, *shape[-2:])
    at = 0
    for k in range(out.shape[0]):
        for i in range(0, shape[-2] - h + 1, stride[0]):
            for j in range(0, shape[-1] - w + 1, stride[1]):
                out[k, i : i + h, j : j + w] += rows[at].reshape(h, w)
                count[k, i : i + h, j : j + w] += 1
                at += 1
    return (out / np.maximum(count, 1)).reshape(shape)


case("patches", [[2, 1, 4, 6]], lambda x: patches(x, [2, 3], [2, 3]), {}, [[2, 3]])
case("patches", [[1, 5, 4]], lambda x: patches(x, [2, 2], [2, 1]), {"stride": [2, 1]}, [[2, 2]])
case("unpatches", [[8, 6]], lambda r: unpatches(r, [2, 3], [2, 1, 4, 6], [2, 3]), {}, [[2, 3], [2, 1, 4, 6]])
case("unpatches", [[6, 4]], lambda r: unpatches(r, [2, 2], [1, 5, 4], [2, 1]), {"stride": [2, 1]}, [[2, 2], [1, 5, 4]])


def resize(x, sizes, mode):
    for axis, size in enumerate(sizes, start=2):
        old = x.shape[axis]
        at = (np.arange(size) + 0.5) * old / size
        if mode == "nearest":
            x = np.take(x, np.clip(np.floor(at).astype(int), 0, old - 1), axis)
            continue
        low = np.floor(at - 0.5).astype(int)
        part = (at - 0.5 - low).reshape([-1] + [1] * (x.ndim - axis - 1))
        a, b = np.take(x, np.clip(low, 0, old - 1), axis), np.take(x, np.clip(low + 1, 0, old - 1), axis)
        x = a * (1 - part) + b * part
    return x


for mode in ("nearest", "bilinear"):
    case("resize", [[1, 2, 3, 4]], lambda x: resize(x, [6, 8], mode), {"scale": 2, "mode": mode})
    case("resize", [[1, 1, 5, 3]], lambda x: resize(x, [3, 7], mode), {"size": [3, 7], "mode": mode})
    case("resize", [[1, 1, 5]], lambda x: resize(x, [7], mode), {"scale": 1.5, "mode": mode})


# Activations, losses, normalisation.

erf = np.vectorize(math.erf)
sigmoid = lambda x: 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def log_softmax(x, axis=-1):
    return np.log(softmax(x, axis))


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "leakyRelu": lambda x: np.where(x > 0, x, 0.01 * x),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
    "gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "silu": lambda x: x * sigmoid(x),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "hardSigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
}
for name, f in ACTIVATIONS.items():
    # Off the corners at 0 and at +-2.5, where there is no derivative.
    case(name, [[3, 5]], lambda x, f=f: f(x * 3 + 0.05), {}, None, None, None)
case("softmax", [[3, 5]], softmax)
case("softmax", [[2, 3, 4]], lambda x: softmax(x, 1), {"axis": 1})
case("logSoftmax", [[3, 5]], log_softmax)
case("logSoftmax", [[4, 2]], lambda x: log_softmax(x, 0), {"axis": 0})


def reduced(loss, how):
    return loss.mean() if how == "mean" else loss.sum() if how == "sum" else loss


for how in ("mean", "sum", "none"):
    options = {"reduction": how}
    labels = [2, 0, 4]
    case("crossEntropy", [[3, 5]], lambda x: reduced(-log_softmax(x)[range(3), labels], how), options, [labels])
    case(
        "crossEntropyOfProbabilities",
        [[3, 4], [3, 4]],
        lambda x, t: reduced(-(t * log_softmax(x)).sum(-1), how),
        options,
    )
    case("mse", [[3, 4], [3, 4]], lambda p, t: reduced((p - t) ** 2, how), options)
    case("l1", [[3, 4], [3, 4]], lambda p, t: reduced(np.abs(p - t), how), options)
    bce = lambda p, t: -(t * np.log(p) + (1 - t) * np.log(1 - p))
    case("binaryCrossEntropy", [[2, 5], [2, 5]], lambda x, t: reduced(bce(sigmoid(x), t), how), options)
    case("binaryCrossEntropyWithLogits", [[2, 5], [2, 5]], lambda x, t: reduced(bce(sigmoid(x), t), how), options)


def ctc(x, labels, lengths, blank):
    """The sum over all paths of length T, by trying every one."""
    losses = []
    for n in range(x.shape[1]):
        logs = log_softmax(x[: lengths[n], n])
        target = [v for v in labels[n] if v >= 0]
        total = 0.0
        for path in itertools.product(range(x.shape[2]), repeat=lengths[n]):
            merged = [v for i, v in enumerate(path) if (i == 0 or v != path[i - 1]) and v != blank]
            if merged == target:
                total += math.exp(sum(logs[t, v] for t, v in enumerate(path)))
        losses.append(-math.log(total))
    return np.array(losses)


case(
    "ctcLoss",
    [[5, 3, 3]],
    lambda x: ctc(x, [[1, 1], [2, 1], [-1, -1]], [5, 5, 5], 0),
    {},
    [[[1, 1], [2, 1], [-1, -1]]],
)
case(
    "ctcLoss",
    [[5, 2, 4]],
    lambda x: ctc(x, [[1, 0, 1], [3, -1, -1]], [5, 3], 2),
    {"blank": 2, "inputLengths": [5, 3]},
    [[[1, 0, 1], [3, -1, -1]]],
)


def normalized(x, axes, own, gamma, beta, eps, mean=None, variance=None):
    shape = [x.shape[a] if a in own else 1 for a in range(x.ndim)]
    mean = x.mean(axes, keepdims=True) if mean is None else mean.reshape(shape)
    variance = x.var(axes, keepdims=True) if variance is None else variance.reshape(shape)
    return (x - mean) / np.sqrt(variance + eps) * gamma.reshape(shape) + beta.reshape(shape)


case("batchNorm", [[5, 3], [3], [3]], lambda x, g, b: normalized(x, (0,), (1,), g, b, 1e-5))
case("batchNorm", [[2, 3, 2, 2], [3], [3]], lambda x, g, b: normalized(x, (0, 2, 3), (1,), g, b, 0.01), {"eps": 0.01})
case("batchNorm", [[4, 3], [4], [4]], lambda x, g, b: normalized(x, (1,), (0,), g, b, 1e-5), {"axes": [1]})
case(
    "batchNormOfGiven",
    [[4, 3], [3], [3], [3], [3]],
    lambda x, g, b, m, v: normalized(x, (0,), (1,), g, b, 1e-5, m, v**2),
)
case("layerNorm", [[3, 5], [5], [5]], lambda x, g, b: normalized(x, (1,), (1,), g, b, 1e-5))
case("layerNorm", [[2, 3, 2], [3, 2], [3, 2]], lambda x, g, b: normalized(x, (1, 2), (1, 2), g, b, 1e-5), {"axes": [1, 2]})


# Layers: the operands are x and the parameters in the order of their definition.


def rnn(x, w, u, b, f=np.tanh, reverse=False):
    h = np.zeros((*x.shape[1:-1], u.shape[0]))
    out = np.zeros((*x.shape[:-1], u.shape[0]))
    for t in reversed(range(len(x))) if reverse else range(len(x)):
        h = f(x[t] @ w + b + h @ u)
        out[t] = h
    return out


def gru(x, w, u, b, c):
    n = u.shape[0]
    h = np.zeros((*x.shape[1:-1], n))
    out = []
    for t in range(len(x)):
        a, d = x[t] @ w + b, h @ u
        r = sigmoid(a[..., :n] + d[..., :n])
        z = sigmoid(a[..., n : 2 * n] + d[..., n : 2 * n])
        new = np.tanh(a[..., 2 * n :] + r * (d[..., 2 * n :] + c))
        h = (1 - z) * new + z * h
        out.append(h)
    return np.array(out)


def lstm(x, w, u, b):
    n = u.shape[0]
    h = c = np.zeros((*x.shape[1:-1], n))
    out = []
    for t in range(len(x)):
        a = x[t] @ w + b + h @ u
        i, f, g, o = [a[..., k * n : (k + 1) * n] for k in range(4)]
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.array(out)


def attention(q, k, v, mask=None):
    scores = q @ np.swapaxes(k, -1, -2) / math.sqrt(q.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    return softmax(scores) @ v


def multi_head(x, wq, bq, wk, bk, wv, bv, wo, bo, heads, causal):
    n, length, features = x.shape
    cut = lambda y: y.reshape(n, length, heads, features // heads).transpose(0, 2, 1, 3)
    mask = np.tril(np.ones((length, length), bool)) if causal else None
    out = attention(cut(x @ wq + bq), cut(x @ wk + bk), cut(x @ wv + bv), mask)
    return out.transpose(0, 2, 1, 3).reshape(n, length, features) @ wo + bo


case("Linear", [[2, 3, 4], [4, 2], [2]], lambda x, w, b: x @ w + b, {}, [4, 2])
case("Conv2d", [[1, 2, 4, 4], [3, 2, 3, 3], [3]], lambda x, w, b: conv(x, w, padding="same") + b.reshape(3, 1, 1), {"padding": "same"}, [2, 3, 3])
case("RNN", [[3, 2, 3], [3, 4], [4, 4], [4]], rnn, {}, [3, 4])
case(
    "RNN",
    [[3, 2], [2, 3], [3, 3], [3]],
    lambda *a: rnn(*a, f=lambda y: np.maximum(y, 0), reverse=True),
    {"activation": "relu", "reverse": True},
    [2, 3],
)
case("GRU", [[3, 2, 2], [2, 9], [3, 9], [9], [3]], gru, {}, [2, 3])
case("LSTM", [[3, 2, 2], [2, 12], [3, 12], [12]], lstm, {}, [2, 3])
heads = [[2, 3, 4], [4, 4], [4], [4, 4], [4], [4, 4], [4], [4, 4], [4]]
case("MultiHeadAttention", heads, lambda *a: multi_head(*a, 2, False), {}, [4, 2])
case("MultiHeadAttentionCausal", heads, lambda *a: multi_head(*a, 2, True), {}, [4, 2])
case("LayerNorm", [[3, 5], [5], [5]], lambda x, g, b: normalized(x, (1,), (1,), g, b, 1e-5), {}, [5])
case("BatchNorm", [[4, 3, 2], [3], [3]], lambda x, g, b: normalized(x, (0, 2), (1,), g, b, 1e-5), {}, [3])

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nn.json")
with open(path, "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in CASES) + "\n]\n")
print(len(CASES), "cases,", os.path.getsize(path), "bytes")
