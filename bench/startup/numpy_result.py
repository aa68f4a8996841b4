"""first_result.ts in NumPy."""

import numpy as np

assert (np.array([1, 2], np.float32) + 1).sum() == 5
