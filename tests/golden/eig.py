"""Golden eigenvalues of matrices that are not symmetric: tests/golden/eig.json, by NumPy.

Run: python3 tests/golden/eig.py
"""

import json

import numpy as np

random = np.random.default_rng(4)
matrices = [random.normal(size=(n, n)) for n in (1, 2, 3, 5, 17, 40)]
matrices.append(np.triu(random.normal(size=(6, 6))))
matrices.append(np.roll(np.eye(7), 1, axis=0) * 3)
matrices.append(np.diag([1e6, 1.0, 1e-6, -4.0]) @ random.normal(size=(4, 4)))
rows = []
for a in matrices:
    values, vectors = np.linalg.eig(a)
    order = sorted(range(len(a)), key=lambda i: (round(values[i].real, 9), -values[i].imag))
    rows.append({"a": a.tolist(), "re": values.real[order].tolist(), "im": np.imag(values)[order].tolist()})
with open("tests/golden/eig.json", "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
