"""The evaluations of GradBench from their mathematical definitions: writes gradbench/*.jsonl and gradbench/large.json.

Values are computed as the definitions say, in float64. Derivatives are complex steps, Im f(x + i h v) / h with h = 1e-30,
which have no truncation error, or closed forms. A session holds the messages of small cases with the responses that are
expected. Of large cases only the size is kept: bench/gradbench/inputs.ts makes the same inputs from the same hash, and of
the result a few weighted sums are compared.

Run: python3 tests/golden/gradbench.py
"""

import json
import math
import os

import numpy as np

STEP = 1e-30


# --- Numbers that bench/gradbench/inputs.ts makes too ---


def uniform(seed, *shape):
    """Numbers of [0, 1) from a hash of their position."""
    x = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.uint32) + np.uint32(seed * 0x9E3779B9 & 0xFFFFFFFF)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        x ^= x >> np.uint32(shift)
        x *= np.uint32(factor)
    return (x / 2.0**32).reshape(shape)


def normal(seed, *shape):
    """Nearly normal: twelve uniform numbers less 6."""
    return sum(uniform(seed * 16 + j, *shape) for j in range(12)) - 6


def integers(seed, below, *shape):
    return np.floor(uniform(seed, *shape) * below).astype(int)


def mirrored(i):
    return {**i, "data": {**i["data"], "model": {**i["data"]["model"], "is_mirrored": True}}}


def llsq_input(n, m):
    return {"x": uniform(1, m), "n": n}


def lse_input(n):
    return {"x": uniform(2, n)}


def gmm_input(d, k, n, m=0, gamma=1.0):
    l = normal(7, k, d * (d - 1) // 2)
    params = {"alpha": normal(4, k), "mu": uniform(5, k, d), "q": normal(6, k, d), "l": l}
    return {"d": d, "k": k, "n": n, "x": normal(3, n, d), "m": m, "gamma": gamma, **params}


def kmeans_input(k, n, d):
    points = uniform(8, n, d)
    return {"points": points, "centroids": points[-k:]}


def ode_input(n, s):
    return {"x": uniform(9, n), "s": s}


def det_input(ell):
    return {"A": uniform(10, ell * ell), "ell": ell}


def lstm_input(l, c, b=14):
    params = {"main_params": uniform(11, 2 * l, 4 * b), "extra_params": uniform(12, 3, b)}
    return {**params, "state": uniform(13, 2 * l, b), "sequence": np.floor(2 * uniform(14, c, b))}


def ba_input(n, m, p):
    camera = [0.3, -0.7, 0.4, 1.5, -2, 0.5, 420, 6, -8, 0.05, 0.002]
    return {"n": n, "m": m, "p": p, "cam": camera, "x": [4, 3, 9], "w": 0.4, "feat": [270, 830]}


PARENTS = [-1] + [0 if joint == 0 else 4 * f + joint for f in range(5) for joint in range(4)] + [0]


def ht_input(vertices, points, complicated):
    bones, triangles = len(PARENTS), 2 * vertices

    def transforms(seed):
        t = np.tile(np.eye(4), (bones, 1, 1))
        t[:, :3] += (uniform(seed, bones, 3, 4) - 0.5) * 0.5
        return t

    positions = np.ones((vertices, 4))
    positions[:, :3] = uniform(17, vertices, 3) * 2 - 1
    model = {
        "bone_count": bones,
        "bone_names": [f"bone{i}" for i in range(bones)],
        "parents": PARENTS,
        "base_relatives": transforms(15),
        "inverse_base_absolutes": transforms(16),
        "base_positions": positions,
        "weights": uniform(18, vertices, bones) / 11,
        "triangles": integers(19, vertices, triangles, 3),
        "is_mirrored": False,
    }
    correspondences = integers(20, triangles if complicated else vertices, points)
    data = {"model": model, "correspondences": correspondences, "points": uniform(21, points, 3)}
    us = uniform(22, points, 2) / 2 if complicated else []
    return {"theta": uniform(23, 26) * 2 - 1, "us": us, "data": data}


# --- The definitions ---


def llsq_terms(i):
    t = -1 + 2 * np.arange(i["n"]) / (i["n"] - 1)
    powers = np.vander(t, len(i["x"]), increasing=True)
    return powers, np.sign(t) - powers @ i["x"]


def llsq_primal(i):
    return 0.5 * np.sum(llsq_terms(i)[1] ** 2)


def llsq_gradient(i):
    powers, residuals = llsq_terms(i)
    return -powers.T @ residuals


def log_sum_exp(x):
    a = x.real.max(axis=-1, keepdims=True)
    return np.log(np.sum(np.exp(x - a), axis=-1)) + a[..., 0]


def gmm_objective(i):
    d, k, n, m, gamma, x = (i[name] for name in ("d", "k", "n", "m", "gamma", "x"))
    alpha, mu, q, l = (i[name] for name in ("alpha", "mu", "q", "l"))
    beta, prior = np.zeros((n, k), complex), 0
    degrees = d + m + 1
    log_gamma = d * (d - 1) / 4 * math.log(math.pi) + sum(math.lgamma((degrees - j) / 2) for j in range(d))
    below = np.tril_indices(d, -1)
    by_column = np.lexsort((below[0], below[1]))
    for j in range(k):
        Q = np.diag(np.exp(q[j])).astype(complex)
        Q[below[0][by_column], below[1][by_column]] = l[j]
        beta[:, j] = alpha[j] - 0.5 * np.sum(((x - mu[j]) @ Q.T) ** 2, axis=1) + q[j].sum()
        prior += degrees * d * math.log(gamma / math.sqrt(2)) - log_gamma
        prior += m * q[j].sum() - gamma**2 / 2 * np.sum(Q**2)
    likelihood = np.sum(log_sum_exp(beta)) - n * (d / 2 * math.log(2 * math.pi) + log_sum_exp(alpha))
    return likelihood + prior


def kmeans_cost(i):
    return sum(np.min(np.sum((i["centroids"] - p) ** 2, axis=1)) for p in i["points"])


def kmeans_direction(i):
    """Gradient 2 (count c - sum) over second derivative 2 count."""
    c, points = i["centroids"], i["points"]
    nearest = np.array([np.argmin(np.sum((c - p) ** 2, axis=1)) for p in points])
    return np.array([c[j] - points[nearest == j].mean(axis=0) for j in range(len(c))])


def ode_primal(i):
    x, h = i["x"], 2 / i["s"]

    def rates(y):
        return np.concatenate([x[:1], x[1:] * y[:-1]])

    y = np.zeros_like(x)
    for _ in range(i["s"]):
        k1 = rates(y)
        k2 = rates(y + h / 2 * k1)
        k3 = rates(y + h / 2 * k2)
        k4 = rates(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y


def det_matrix(i):
    return i["A"].reshape(i["ell"], i["ell"])


def det_gradient(i):
    a = det_matrix(i)
    return (np.linalg.det(a) * np.linalg.inv(a).T).ravel()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_objective(i):
    main, extra, state, sequence = i["main_params"], i["extra_params"], i["state"], i["sequence"]
    layers = len(main) // 2
    hidden, cell = list(state[0::2]), list(state[1::2])
    gates = [(np.split(main[2 * j], 4), np.split(main[2 * j + 1], 4)) for j in range(layers)]
    total = 0
    for x, target in zip(sequence[:-1], sequence[1:]):
        x = x * extra[0]
        for j, (w, b) in enumerate(gates):
            forget, ingate = sigmoid(x * w[0] + b[0]), sigmoid(hidden[j] * w[1] + b[1])
            outgate, change = sigmoid(x * w[2] + b[2]), np.tanh(hidden[j] * w[3] + b[3])
            cell[j] = cell[j] * forget + ingate * change
            x = hidden[j] = outgate * np.tanh(cell[j])
        y = x * extra[1] + extra[2]
        total += np.sum(target * (y - np.log(2 + np.sum(np.exp(y)))))
    return -total / ((len(sequence) - 1) * sequence.shape[1])


def rotation_about(v):
    """exp of the cross product matrix of v, by Rodrigues' formula."""
    angle = np.sqrt(np.sum(v**2))
    if abs(angle) == 0:
        return np.eye(3)
    x, y, z = v / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def ba_error(camera, point, weight, feature):
    p = rotation_about(camera[:3]) @ (point - camera[3:6])
    p = p[:2] / p[2]
    r = np.sum(p**2)
    seen = p * (1 + camera[9] * r + camera[10] * r**2) * camera[6] + camera[7:9]
    return weight * (seen - feature)


def ba_objective(i):
    e = ba_error(np.array(i["cam"]), np.array(i["x"]), i["w"], np.array(i["feat"]))
    weight = {"element": 1 - i["w"] ** 2, "repeated": i["p"]}
    return {"reproj_error": {"elements": e, "repeated": i["p"]}, "w_err": weight}


def ba_jacobian(i):
    """The first 30 entries, of observation 0, and the last, of the last weight."""
    at = np.array([*i["cam"], *i["x"], i["w"]])
    feature = np.array(i["feat"])
    split = lambda v: ba_error(v[:11], v[11:14], v[14], feature)
    block = np.array([split(at + 1j * STEP * unit).imag / STEP for unit in np.eye(15)]).T
    n, m, p = i["n"], i["m"], i["p"]
    columns = [*range(11), *(11 * n + j for j in range(3)), 11 * n + 3 * m]
    last = 30 * p + p
    return {
        "rows": [15 * j if j <= 2 * p else 30 * p + j - 2 * p for j in range(30)] + [last],
        "cols": columns * 2 + [11 * n + 3 * m + p - 1],
        "vals": [*block.ravel(), -2 * i["w"]],
    }


def euler(x, z, y):
    c, s = np.cos, np.sin
    about_x = np.array([[1, 0, 0], [0, c(x), -s(x)], [0, s(x), c(x)]])
    about_y = np.array([[c(y), 0, s(y)], [0, 1, 0], [-s(y), 0, c(y)]])
    about_z = np.array([[c(z), -s(z), 0], [s(z), c(z), 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def ht_errors(i, theta, us):
    model, bones = i["data"]["model"], len(PARENTS)
    angles = np.zeros((bones, 3), theta.dtype)
    for finger in range(5):
        own = theta[6 + 4 * finger : 10 + 4 * finger]
        angles[2 + 4 * finger, :2] = own[:2]
        angles[3 + 4 * finger, 0], angles[4 + 4 * finger, 0] = own[2:]
    absolute, positions = [], 0
    for b, parent in enumerate(model["parents"]):
        turn = np.eye(4, dtype=theta.dtype)
        turn[:3, :3] = euler(*angles[b])
        relative = model["base_relatives"][b] @ turn
        absolute.append(relative if parent < 0 else absolute[parent] @ relative)
        moved = model["base_positions"] @ (absolute[b] @ model["inverse_base_absolutes"][b]).T
        positions = positions + moved[:, :3] * model["weights"][:, b : b + 1]
    if model["is_mirrored"]:
        positions = positions * [-1, 1, 1]
    positions = positions @ rotation_about(theta[:3]).T + theta[3:6]
    at = i["data"]["correspondences"]
    if len(us) == 0:
        return (i["data"]["points"] - positions[at]).ravel()
    shares = np.concatenate([us, 1 - us.sum(axis=1, keepdims=True)], axis=1)
    corners = positions[model["triangles"][at]]
    return (i["data"]["points"] - np.einsum("ps,psj->pj", shares, corners)).ravel()


def ht_objective(i):
    return ht_errors(i, i["theta"], i["us"])


def ht_along(i, direction):
    """The derivative along columns: the first two, where there are us, move the pairs of all points."""
    count = 2 if len(i["us"]) else 0
    us = i["us"] + 1j * STEP * direction[:2] if count else i["us"]
    return ht_errors(i, i["theta"] + 1j * STEP * direction[count:], us).imag / STEP


def ht_jacobian(i):
    columns = 28 if len(i["us"]) else 26
    return np.array([ht_along(i, unit) for unit in np.eye(columns)]).T


def argmin(value, slope, x):
    """Descent whose rate doubles after ten successes and halves after a failure."""
    rate, successes = 1e-5, 0
    length = lambda v: np.sqrt(np.sum(v.real**2))
    fx, g = value(x), slope(x)
    while length(g) > 1e-5:
        if successes == 10:
            rate, successes = 2 * rate, 0
            continue
        new = x - rate * g
        if length(x - new) <= 1e-5:
            break
        fn = value(new)
        if fn.real < fx.real:
            x, fx, g, successes = new, fn, slope(new), successes + 1
        else:
            rate, successes = rate / 2, 0
    return x


def particle_miss(w):
    w = w[0]
    charges = np.array([[10 + 0 * w, 10 - w], [10 + 0 * w, 0 * w]])
    x, v, dt = np.array([0 * w, 8 + 0 * w]), np.array([0.75 + 0 * w, 0 * w]), 0.1
    while True:
        apart = x - charges
        # The force is minus the gradient of sum 1 / |x - c|.
        force = np.sum(apart * np.sum(apart**2, axis=1, keepdims=True) ** -1.5, axis=0)
        x = x + dt * v
        if x[1].real <= 0:
            return (x[0] - x[1] / v[1] * v[0]) ** 2
        v = v + dt * force


def particle_solve(i):
    return argmin(particle_miss, lambda w: gradient_of(particle_miss, w), np.array([i["w"]]))[0]


def saddle_solve(i):
    start = np.array(i["start"])

    def highest(x):
        height = lambda y: -(np.sum(x**2) - np.sum(y**2))
        return argmin(height, lambda y: 2 * y, start)

    def ridge(x):
        return np.sum(x**2) - np.sum(highest(x) ** 2)

    x = argmin(ridge, lambda x: gradient_of(ridge, x), start)
    return np.concatenate([x, highest(x).real])


# --- Derivatives ---


def along(fn, x, direction):
    return np.imag(fn(x + 1j * STEP * direction)) / STEP


def gradient_of(fn, x):
    units = np.eye(x.size).reshape(x.size, *x.shape)
    return np.array([along(fn, x, unit) for unit in units]).reshape(x.shape)


def parts(fn, names):
    """A function of an input as one of the parts that are differentiated, all in one vector."""

    def flat(i, vector):
        shapes = {name: np.shape(i[name]) for name in names}
        pieces = np.split(vector, np.cumsum([np.prod(s, dtype=int) for s in shapes.values()])[:-1])
        return fn({**i, **{name: piece.reshape(s) for (name, s), piece in zip(shapes.items(), pieces)}})

    return flat


def vector_of(i, names):
    return np.concatenate([np.ravel(i[name]) for name in names])


GRADIENTS = {
    "lse": ("gradient", lambda i: log_sum_exp(i["x"]), ["x"]),
    "gmm": ("jacobian", gmm_objective, ["alpha", "mu", "q", "l"]),
    "ode": ("gradient", lambda i: ode_primal(i)[-1], ["x"]),
    "lstm": ("jacobian", lstm_objective, ["main_params", "extra_params"]),
}


def gradient(module):
    _, fn, names = GRADIENTS[module]

    def full(i):
        g = gradient_of(lambda v: parts(fn, names)(i, v), vector_of(i, names))
        if module != "gmm":
            return g
        pieces = np.split(g, np.cumsum([np.size(i[name]) for name in names])[:-1])
        return {name: piece.reshape(np.shape(i[name])) for name, piece in zip(names, pieces)}

    return full


solvers = lambda solve: {mode: solve for mode in ("ff", "fr", "rf", "rr")}

FUNCTIONS = {
    "hello": {"square": lambda x: x * x, "double": lambda x: 2 * x},
    "llsq": {"primal": llsq_primal, "gradient": llsq_gradient},
    "lse": {"primal": lambda i: log_sum_exp(i["x"]), "gradient": gradient("lse")},
    "gmm": {"objective": lambda i: gmm_objective(i).real, "jacobian": gradient("gmm")},
    "kmeans": {"cost": kmeans_cost, "dir": kmeans_direction},
    "ode": {"primal": ode_primal, "gradient": gradient("ode")},
    "det": {"primal": lambda i: np.linalg.det(det_matrix(i)), "gradient": det_gradient},
    "lstm": {"objective": lstm_objective, "jacobian": gradient("lstm")},
    "ba": {"objective": ba_objective, "jacobian": ba_jacobian},
    "ht": {"objective": ht_objective, "jacobian": ht_jacobian},
    "particle": solvers(particle_solve),
    "saddle": solvers(saddle_solve),
}

SMALL = {
    "hello": [1.5, -3.0],
    "llsq": [llsq_input(7, 3), llsq_input(17, 6)],
    "lse": [lse_input(5), {"x": 800 * uniform(40, 17) - 400}],
    "gmm": [gmm_input(1, 1, 3), gmm_input(3, 4, 9, m=2, gamma=1.5)],
    "kmeans": [kmeans_input(3, 17, 2), kmeans_input(5, 40, 3)],
    "ode": [ode_input(1, 3), ode_input(6, 1), ode_input(5, 10)],
    "det": [det_input(2), det_input(5)],
    "lstm": [lstm_input(1, 3, 5), lstm_input(2, 6, 3)],
    "ba": [ba_input(3, 4, 12), {**ba_input(2, 3, 11), "cam": [0, 0, 0, 1, 2, -3, 100, 5, 6, 0.1, 0.01]}],
    "ht": [ht_input(12, 3, False), ht_input(12, 3, True), mirrored(ht_input(8, 2, False))],
    "particle": [{"w": 0.0}, {"w": 0.1}],
    "saddle": [{"start": [1.0, 1.0]}, {"start": [0.5, -0.25]}],
}

# The largest sizes that the suite runs by default.
LARGE = {
    "llsq": [(16392, 128)],
    "lse": [(1280000,)],
    "gmm": [(10, 25, 1000), (64, 100, 1000)],
    "kmeans": [(100, 1000, 8), (1000, 10000, 16)],
    "ode": [(1000, 10), (100000, 100)],
    "det": [(11,)],
    "lstm": [(2, 1024), (6, 8192)],
    "ba": [(49, 7776, 31843), (356, 226730, 1255268)],
    "ht": [(544, 1600, True), (10000, 25600, True), (10000, 100000, True)],
}

INPUTS = {name: globals()[f"{name}_input"] for name in LARGE}


# --- Writing ---


def plain(x):
    if isinstance(x, dict):
        return {key: plain(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(value) for value in x]
    if isinstance(x, (np.ndarray, np.generic)):
        return x.tolist()
    return x


def session(module):
    yield {"message": {"id": 0, "kind": "start", "eval": module}}
    yield {"response": {"id": 0}}
    yield {"message": {"id": 1, "kind": "define", "module": module}}
    yield {"response": {"id": 1, "success": True}}
    number = 1
    for i in SMALL[module]:
        given = plain(i)
        if isinstance(given, dict):
            given = {**given, "min_runs": 1, "min_seconds": 0}
        for name, fn in FUNCTIONS[module].items():
            number += 1
            message = {"id": number, "kind": "evaluate", "module": module, "function": name, "input": given}
            yield {"message": message}
            yield {"response": {"id": number, "success": True, "output": plain(fn(i))}}


DIRECTIONS = 3


def weights(k, size):
    return uniform(100 + k, size) - 0.5


def weighted(output):
    """Weighted sums of a vector."""
    v = np.ravel(output)
    return [float(np.dot(weights(k, v.size), v)) for k in range(DIRECTIONS)]


def large(module, name, i):
    """What is compared of a large result: all of it when it is short, weighted sums otherwise."""
    if module == "ba":
        return {"output": plain(FUNCTIONS[module][name](i))}
    if module in GRADIENTS and name == GRADIENTS[module][0]:
        _, fn, names = GRADIENTS[module]
        x = vector_of(i, names)
        return {"sums": [float(along(lambda v: parts(fn, names)(i, v), x, weights(k, x.size))) for k in range(DIRECTIONS)]}
    if module == "ht" and name == "jacobian":
        columns, sums = 28 if len(i["us"]) else 26, []
        for k in range(DIRECTIONS):
            rows = ht_along(i, weights(k, columns))
            sums.append(float(np.dot(weights(k + DIRECTIONS, rows.size), rows)))
        return {"sums": sums}
    output = FUNCTIONS[module][name](i)
    return {"output": float(output)} if np.ndim(output) == 0 else {"sums": weighted(output)}


def main():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gradbench")
    for module in SMALL:
        with open(os.path.join(folder, f"{module}.jsonl"), "w") as file:
            for line in session(module):
                file.write(json.dumps(line) + "\n")
    cases = []
    for module, sizes in LARGE.items():
        for size in sizes:
            i = INPUTS[module](*size)
            expected = {name: large(module, name, i) for name in FUNCTIONS[module]}
            cases.append({"module": module, "size": size, "expected": expected})
    with open(os.path.join(folder, "large.json"), "w") as file:
        json.dump(cases, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
