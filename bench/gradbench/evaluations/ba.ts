/** ba: bundle adjustment; the errors of observations and their sparse Jacobian by cameras, points and weights. */
import {
  arange,
  concat,
  grad,
  jacrev,
  jit,
  slice,
  type sparse,
  stack,
  type Tensor,
  tensor,
  vmap,
  where,
} from "@damo/damo";
import { arrayOf, evaluated, type Evaluation, numberOf } from "../evaluation.ts";

const INDEX = { dtype: "int32" } as const;

type Vector = readonly Tensor[];

function dot(a: Vector, b: Vector): Tensor {
  return a.map((x, i) => x.mul(b[i])).reduce((sum, x) => sum.add(x));
}

function cross([a, b, c]: Vector, [x, y, z]: Vector): Vector {
  return [b.mul(z).sub(c.mul(y)), c.mul(x).sub(a.mul(z)), a.mul(y).sub(b.mul(x))];
}

/** A point turned about an axis by its length (Rodrigues); for a turn by nothing the first order of that. */
function rotate(rotation: Vector, point: Vector): Vector {
  const square = dot(rotation, rotation);
  const turns = square.ne(0);
  const angle = where(turns, square, 1).sqrt();
  const axis = rotation.map((r) => r.div(angle));
  const cosine = angle.cos(), sine = angle.sin();
  const across = cross(axis, point), along = dot(axis, point).mul(cosine.neg().add(1));
  const slight = cross(rotation, point);
  return point.map((x, i) =>
    where(turns, x.mul(cosine).add(across[i].mul(sine)).add(axis[i].mul(along)), x.add(slight[i]))
  );
}

/**
 * Where a camera (rotation, centre, focal length, principal point, radial distortion: 11 numbers) sees a point, less
 * where it was observed, times a weight.
 */
function reprojectionError(camera: Tensor, point: Tensor, weight: Tensor, observed: Tensor): Tensor {
  const [r1, r2, r3, c1, c2, c3, focal, u0, v0, k1, k2] = camera;
  const [x1, x2, x3] = point;
  const [x, y, z] = rotate([r1, r2, r3], [x1.sub(c1), x2.sub(c2), x3.sub(c3)]);
  const u = x.div(z), v = y.div(z);
  const square = dot([u, v], [u, v]);
  const distortion = k1.mul(square).add(k2.mul(square).mul(square)).add(1);
  const seen = (at: Tensor, principal: Tensor) => at.mul(distortion).mul(focal).add(principal);
  return stack([seen(u, u0), seen(v, v0)]).sub(observed).mul(weight);
}

function weightError(weight: Tensor): Tensor {
  return weight.square().neg().add(1);
}

interface Scene {
  /** `[n, 11]` */
  readonly cameras: Tensor;
  /** `[m, 3]` */
  readonly points: Tensor;
  /** `[p]` */
  readonly weights: Tensor;
  /** `[p, 2]` */
  readonly observed: Tensor;
  /** `[p]`, int32: which camera and which point each observation is of. */
  readonly camera: Tensor;
  readonly point: Tensor;
}

function errors({ cameras, points, weights, observed, camera, point }: Scene): [Tensor, Tensor] {
  const reprojection = vmap(reprojectionError)(
    cameras.take(camera, 0),
    points.take(point, 0),
    weights,
    observed,
  );
  return [reprojection, weightError(weights)];
}

/**
 * The Jacobian in compressed rows. An error depends on one camera, one point and one weight, so that its derivatives
 * are a dense block of 2 x 15 for each observation; columns are cameras, then points, then weights.
 */
function jacobian({ cameras, points, weights, observed, camera, point }: Scene): sparse.Csr {
  const count = weights.size;
  const blocksOf = vmap(jacrev(reprojectionError, { argnums: [0, 1, 2] }));
  const [byCamera, byPoint, byWeight] = blocksOf(
    cameras.take(camera, 0),
    points.take(point, 0),
    weights,
    observed,
  );
  const blocks = concat([byCamera, byPoint, byWeight.expandDims(2)], 2);
  const columns = concat([
    camera.mul(11).expandDims(1).add(arange(11, INDEX)),
    point.mul(3).expandDims(1).add(arange(3, INDEX)).add(cameras.size),
    arange(count, INDEX).expandDims(1).add(cameras.size + points.size),
  ], 1);
  const ofWeights = arange(count, INDEX).add(cameras.size + points.size);
  return {
    data: concat([blocks.ravel(), vmap(grad(weightError))(weights)]),
    indices: concat([stack([columns, columns], 1).ravel(), ofWeights]),
    indptr: concat([arange(2 * count, INDEX).mul(15), arange(count + 1, INDEX).add(30 * count)]),
  };
}

interface Input {
  readonly n: number;
  readonly m: number;
  readonly p: number;
  readonly cam: readonly number[];
  readonly x: readonly number[];
  readonly w: number;
  readonly feat: readonly number[];
}

/** The protocol sends one of each and asks for copies. */
function prepare({ n, m, p, cam, x, w, feat }: Input): [Scene] {
  const copies = (values: readonly number[], count: number) =>
    tensor(Float64Array.from({ length: count * values.length }, (_, i) => values[i % values.length]), {
      shape: [count, values.length],
    });
  const cycle = (period: number) => tensor(Int32Array.from({ length: p }, (_, i) => i % period));
  return [{
    cameras: copies(cam, n),
    points: copies(x, m),
    weights: copies([w], p).ravel(),
    observed: copies(feat, p),
    camera: cycle(n),
    point: cycle(m),
  }];
}

/** What the protocol wants of repeated values: the first of them, and how many there are. */
function errorsOutput([reprojection, weight]: [Tensor, Tensor]): unknown {
  const count = weight.size;
  return {
    reproj_error: { elements: arrayOf(reprojection.at(0)), repeated: count },
    w_err: { element: numberOf(weight.at(0)), repeated: count },
  };
}

function jacobianOutput({ data, indices, indptr }: sparse.Csr): unknown {
  const ends = (x: Tensor) => [...x.at(slice(0, 30)).arraySync() as number[], numberOf(x.at(-1))];
  return { rows: ends(indptr), cols: ends(indices), vals: ends(data) };
}

export const ba: Evaluation = {
  objective: evaluated(jit(errors), { prepare, output: errorsOutput }),
  jacobian: evaluated(jit(jacobian), { prepare, output: jacobianOutput }),
};
