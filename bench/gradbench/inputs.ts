/**
 * Inputs of any size, of numbers that are a hash of their position: tests/golden/gradbench.py makes the same ones, so
 * that large inputs need not be stored.
 */

/** Integers of 32 bits that look random; Wellons' "lowbias32" hash. */
function hash(x: number): number {
  x = Math.imul(x ^ x >>> 16, 0x7feb352d);
  x = Math.imul(x ^ x >>> 15, 0x846ca68b);
  return (x ^ x >>> 16) >>> 0;
}

/** Number `i` of a sequence in [0, 1). */
function uniformAt(seed: number, i: number): number {
  return hash(i + Math.imul(seed, 0x9e3779b9) | 0) / 2 ** 32;
}

export function uniform(seed: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => uniformAt(seed, i));
}

/** Nearly normal: twelve uniform numbers less 6, a sum without rounding. */
function normal(seed: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => {
    let sum = -6;
    for (let j = 0; j < 12; j++) sum += uniformAt(seed * 16 + j, i);
    return sum;
  });
}

function integers(seed: number, below: number, size: number): number[] {
  return uniform(seed, size).map((u) => Math.floor(u * below));
}

function rows<T>(values: readonly T[], length: number): T[][] {
  return Array.from({ length: values.length / length }, (_, i) => values.slice(i * length, (i + 1) * length));
}

const FINGERS = 5, FINGER_BONES = 4;

/** A wrist, five fingers of four bones, a forearm. */
const parents = [
  -1,
  ...Array.from({ length: FINGERS * FINGER_BONES }, (_, i) => i % FINGER_BONES === 0 ? 0 : i),
  0,
];

/** Affine transforms near the identity, one for each bone. */
function transforms(seed: number): number[][][] {
  const noise = rows(rows(uniform(seed, parents.length * 12), 4), 3);
  return noise.map((matrix) => [
    ...matrix.map((row, i) => row.map((u, j) => (i === j ? 1 : 0) + (u - 0.5) * 0.5)),
    [0, 0, 0, 1],
  ]);
}

function hand(vertices: number, count: number, complicated: boolean): unknown {
  const triangles = 2 * vertices, bones = parents.length;
  return {
    theta: uniform(23, 26).map((u) => u * 2 - 1),
    us: complicated ? rows(uniform(22, 2 * count).map((u) => u / 2), 2) : [],
    data: {
      correspondences: integers(20, complicated ? triangles : vertices, count),
      points: rows(uniform(21, 3 * count), 3),
      model: {
        bone_count: bones,
        bone_names: parents.map((_, i) => `bone${i}`),
        parents,
        base_relatives: transforms(15),
        inverse_base_absolutes: transforms(16),
        base_positions: rows(uniform(17, 3 * vertices), 3).map((row) => [...row.map((u) => u * 2 - 1), 1]),
        weights: rows(uniform(18, vertices * bones).map((u) => u / 11), bones),
        triangles: rows(integers(19, vertices, 3 * triangles), 3),
        is_mirrored: false,
      },
    },
  };
}

const CAMERA = [0.3, -0.7, 0.4, 1.5, -2, 0.5, 420, 6, -8, 0.05, 0.002];

/** The input of an evaluation by the numbers that say how large it is. */
export const inputOfSize: Readonly<Record<string, (...size: never[]) => unknown>> = {
  llsq: (n: number, m: number) => ({ x: uniform(1, m), n }),
  lse: (n: number) => ({ x: uniform(2, n) }),
  gmm: (d: number, k: number, n: number) => ({
    d,
    k,
    n,
    x: rows(normal(3, n * d), d),
    m: 0,
    gamma: 1,
    alpha: normal(4, k),
    mu: rows(uniform(5, k * d), d),
    q: rows(normal(6, k * d), d),
    l: rows(normal(7, k * d * (d - 1) / 2), d * (d - 1) / 2),
  }),
  kmeans: (k: number, n: number, d: number) => {
    const points = rows(uniform(8, n * d), d);
    return { points, centroids: points.slice(-k) };
  },
  ode: (n: number, s: number) => ({ x: uniform(9, n), s }),
  det: (ell: number) => ({ A: uniform(10, ell * ell), ell }),
  lstm: (l: number, c: number, b: number = 14) => ({
    main_params: rows(uniform(11, 8 * l * b), 4 * b),
    extra_params: rows(uniform(12, 3 * b), b),
    state: rows(uniform(13, 2 * l * b), b),
    sequence: rows(uniform(14, c * b).map((u) => Math.floor(2 * u)), b),
  }),
  ba: (n: number, m: number, p: number) => ({ n, m, p, cam: CAMERA, x: [4, 3, 9], w: 0.4, feat: [270, 830] }),
  ht: hand,
  particle: () => ({ w: 0 }),
  saddle: () => ({ start: [1, 1] }),
};
