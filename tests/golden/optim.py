"""Five steps of every optimiser on two parameters, written from the papers: writes optim.json.

Gradients follow a rule: element i of step t is ((7 i + 5 t) mod 11 - 5) / 4 times (1 + parameter), so that they depend on
where the parameters are.

Run: python3 tests/golden/optim.py
"""

import json
import os

import numpy as np

START = [np.array([1.0, -0.5, 0.25]), np.array([[2.0], [0.0]])]


def gradients(params, t):
    out, first = [], 0
    for p in params:
        i = np.arange(first, first + p.size)
        out.append((((7 * i + 5 * t) % 11 - 5) / 4).reshape(p.shape) * (1 + p))
        first += p.size
    return out


def sgd(lr, momentum=0.0, nesterov=False, weightDecay=0.0):
    def update(p, g, state, t):
        g = g + weightDecay * p
        if momentum == 0:
            return p - lr(t) * g
        state["v"] = momentum * state.get("v", 0) + g
        return p - lr(t) * (g + momentum * state["v"] if nesterov else state["v"])

    return update


def adam(lr, beta1=0.9, beta2=0.999, eps=1e-8, weightDecay=0.0):
    def update(p, g, state, t):
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        m, v = state["m"] / (1 - beta1**t), state["v"] / (1 - beta2**t)
        return p - lr(t) * weightDecay * p - lr(t) * m / (np.sqrt(v) + eps)

    return update


def rms_prop(lr, rho=0.9, momentum=0.0, eps=1e-8):
    def update(p, g, state, t):
        state["s"] = rho * state.get("s", 0) + (1 - rho) * g**2
        d = g / (np.sqrt(state["s"]) + eps)
        state["v"] = momentum * state.get("v", 0) + d
        return p - lr(t) * state["v"]

    return update


def ada_grad(lr, initial=0.0, eps=1e-10):
    def update(p, g, state, t):
        state["s"] = state.get("s", initial) + g**2
        return p - lr(t) * g / (np.sqrt(state["s"]) + eps)

    return update


def ada_delta(lr, rho=0.95, eps=1e-6):
    def update(p, g, state, t):
        state["s"] = rho * state.get("s", 0) + (1 - rho) * g**2
        d = g * np.sqrt(state.get("u", 0) + eps) / np.sqrt(state["s"] + eps)
        state["u"] = rho * state.get("u", 0) + (1 - rho) * d**2
        return p - lr(t) * d

    return update


def cosine(lr, steps, final):
    return lambda t: final + (lr - final) * (1 + np.cos(np.pi * min(t - 1, steps) / steps)) / 2


always = lambda lr: lambda t: lr
RULES = [
    ("sgd", {"lr": 0.1}, sgd(always(0.1))),
    ("sgd", {"lr": 0.1, "momentum": 0.9}, sgd(always(0.1), 0.9)),
    ("sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weightDecay": 0.01}, sgd(always(0.1), 0.9, True, 0.01)),
    ("sgd", {"lr": {"cosine": [0.5, 3, 0.1]}}, sgd(cosine(0.5, 3, 0.1))),
    ("adam", {}, adam(always(0.001))),
    ("adam", {"lr": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3}, adam(always(0.1), 0.8, 0.9, 1e-3)),
    ("adam", {"lr": 0.1, "beta1": 0}, adam(always(0.1), 0.0)),
    ("adamW", {"lr": 0.05, "weightDecay": 0.1}, adam(always(0.05), weightDecay=0.1)),
    ("rmsProp", {"lr": 0.05}, rms_prop(always(0.05))),
    ("rmsProp", {"lr": 0.05, "rho": 0.5, "momentum": 0.9}, rms_prop(always(0.05), 0.5, 0.9)),
    ("adaGrad", {"lr": 0.3, "initial": 0.1}, ada_grad(always(0.3), 0.1)),
    ("adaDelta", {}, ada_delta(always(1.0))),
]

cases = []
for name, options, update in RULES:
    params, states, path = [p.copy() for p in START], [{}, {}], []
    for t in range(1, 6):
        params = [update(p, g, s, t) for p, g, s in zip(params, gradients(params, t), states)]
        path.append([float(f"{v:.14g}") for p in params for v in p.reshape(-1)])
    cases.append({"name": name, "options": options, "path": path})

file = os.path.join(os.path.dirname(os.path.abspath(__file__)), "optim.json")
with open(file, "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases")
