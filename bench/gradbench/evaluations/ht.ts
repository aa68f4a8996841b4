/** ht: hand tracking; points on a skinned mesh less measured ones, by the pose of the hand and places on triangles. */
import {
  concat,
  eye,
  jit,
  jvp,
  onesLike,
  slice,
  stack,
  type Tensor,
  tensor,
  vmap,
  where,
  zerosLike,
} from "@damo/damo";
import { arrayOf, doubles, evaluated, type Evaluation } from "../evaluation.ts";

interface Hand {
  /** The bone that each bone hangs on, -1 for none; earlier in the order. */
  readonly parents: readonly number[];
  readonly mirrored: boolean;
}

interface Model {
  /** `[bones, 4, 4]` */
  readonly relatives: Tensor;
  /** `[bones, 4, 4]` */
  readonly inverseAbsolutes: Tensor;
  /** `[4, vertices]`, homogeneous. */
  readonly positions: Tensor;
  /** `[bones, vertices]` */
  readonly weights: Tensor;
}

interface Targets {
  /** `[points, 3]` */
  readonly points: Tensor;
  /** `[points]` vertices, or `[points, 3]` the corners of triangles. */
  readonly vertices: Tensor;
}

const FINGERS = 5, JOINTS = 3;

/**
 * Angles `[bones, 3]` about x, z and y. A finger has four parameters: two for the first joint, one for each of the other
 * two, and its bones stand four apart from the third on.
 */
function fingerAngles(theta: Tensor, bones: number): Tensor {
  const source = Array.from({ length: bones }, () => [-1, -1, -1]);
  for (let finger = 0, next = 6; finger < FINGERS; finger++) {
    for (let joint = 0; joint < JOINTS; joint++) {
      const bone = source[2 + finger * (JOINTS + 1) + joint];
      bone[0] = next++;
      if (joint === 0) bone[1] = next++;
    }
  }
  const index = tensor(source, { dtype: "int32" });
  return where(index.ge(0), theta.take(index.maximum(0)), 0);
}

function matrixOf(rows: readonly (readonly Tensor[])[]): Tensor {
  return stack(rows.map((row) => stack(row, -1)), -2);
}

/** Rz Ry Rx for angles about x, z and y along the last axis. */
function eulerRotations(angles: Tensor): Tensor {
  const [x, z, y] = [0, 1, 2].map((i) => angles.at("...", i));
  const zero = zerosLike(x), one = onesLike(x);
  const Rx = matrixOf([[one, zero, zero], [zero, x.cos(), x.sin().neg()], [zero, x.sin(), x.cos()]]);
  const Ry = matrixOf([[y.cos(), zero, y.sin()], [zero, one, zero], [y.sin().neg(), zero, y.cos()]]);
  const Rz = matrixOf([[z.cos(), z.sin().neg(), zero], [z.sin(), z.cos(), zero], [zero, zero, one]]);
  return Rz.matmul(Ry).matmul(Rx);
}

/** The rotation about a vector by its length; none for a very short one. */
function axisRotation(v: Tensor): Tensor {
  const square = v.square().sum();
  const turns = square.sqrt().ge(1e-4);
  const angle = where(turns, square, 1).sqrt();
  const [x, y, z] = v.div(angle);
  const s = angle.sin(), c = angle.cos(), zero = zerosLike(s);
  const axis = stack([x, y, z]);
  const crossed = matrixOf([[zero, z.neg(), y], [z, zero, x.neg()], [y.neg(), x, zero]]);
  const identity = eye(3, { dtype: "float64" });
  const turned = identity.mul(c).add(axis.outer(axis).mul(c.neg().add(1))).add(crossed.mul(s));
  return where(turns, turned, identity);
}

/** How many bones lie between each bone and the root. */
function depths(parents: readonly number[]): number[] {
  const depth: number[] = [];
  for (const parent of parents) depth.push(parent < 0 ? 0 : depth[parent] + 1);
  return depth;
}

function positions(list: readonly number[]): Tensor {
  return tensor(list as number[], { dtype: "int32" });
}

/** Products of the matrices from the root to each bone: a batch for each level of the tree. */
function absolutes(relatives: Tensor, parents: readonly number[]): Tensor {
  const depth = depths(parents);
  const place: number[] = [];
  let done: Tensor | undefined;
  for (let level = 0; level <= Math.max(...depth); level++) {
    const bones = parents.flatMap((_, i) => depth[i] === level ? [i] : []);
    const own = relatives.take(positions(bones), 0);
    const placed = done ? done.take(positions(bones.map((i) => place[parents[i]])), 0).matmul(own) : own;
    bones.forEach((bone, i) => place[bone] = (done?.shape[0] ?? 0) + i);
    done = done ? concat([done, placed]) : placed;
  }
  return done!.take(positions(place), 0);
}

/** Where the vertices are, `[3, vertices]`: mixtures of what the bones make of them, turned and moved as a whole. */
function vertexPositions(theta: Tensor, model: Model, { parents, mirrored }: Hand): Tensor {
  const rotations = eulerRotations(fingerAngles(theta, parents.length));
  const turned = model.relatives.at("...", slice(0, 3)).matmul(rotations);
  const relatives = concat([turned, model.relatives.at("...", slice(3))], 2);
  const transforms = absolutes(relatives, parents).matmul(model.inverseAbsolutes).at(slice(), slice(0, 3));
  const mixed = transforms.reshape([-1, 12]).transpose().matmul(model.weights).reshape([3, 4, -1]);
  const moved = mixed.mul(model.positions).sum({ axis: 1 });
  const placed = mirrored ? moved.mul(doubles([[-1], [1], [1]])) : moved;
  return axisRotation(theta.at(slice(0, 3))).matmul(placed).add(theta.at(slice(3, 6)).expandDims(1));
}

/**
 * What is measured less what the hand gives, point by point. `us` are barycentric coordinates of points in triangles for
 * two of the corners; without them a point is a vertex.
 */
function errors(theta: Tensor, us: Tensor | undefined, model: Model, targets: Targets, hand: Hand): Tensor {
  const { points, vertices } = targets;
  const found = vertexPositions(theta, model, hand).take(vertices, 1);
  if (!us) return points.sub(found.transpose()).ravel();
  const shares = concat([us, us.sum({ axis: 1, keepDims: true }).neg().add(1)], 1);
  return points.sub(found.mul(shares).sum({ axis: 2 }).transpose()).ravel();
}

/** Derivatives of the errors along the rows of `directions`: one row of the result for each. */
function along(fn: (x: Tensor) => Tensor, x: Tensor, directions: Tensor): Tensor {
  return vmap((direction: Tensor) => jvp(fn, [x], [direction])[1])(directions);
}

/**
 * The columns of the Jacobian: for theta, and before them two for `us`. A point depends on its own pair alone, so that the
 * derivatives by all pairs fit into two columns: along the first of all pairs at once, and along the second.
 */
function columns(theta: Tensor, us: Tensor | undefined, model: Model, targets: Targets, hand: Hand): Tensor {
  const unit = eye(theta.size, { dtype: "float64" });
  const byTheta = along((theta) => errors(theta, us, model, targets, hand), theta, unit);
  if (!us) return byTheta;
  const both = eye(2, { dtype: "float64" }).expandDims(1).broadcastTo([2, ...us.shape]);
  return concat([along((us) => errors(theta, us, model, targets, hand), us, both), byTheta]);
}

interface Input {
  readonly theta: readonly number[];
  readonly us: readonly number[][];
  readonly data: {
    readonly correspondences: readonly number[];
    readonly points: readonly number[][];
    readonly model: {
      readonly parents: readonly number[];
      readonly base_relatives: readonly number[][][];
      readonly inverse_base_absolutes: readonly number[][][];
      readonly base_positions: readonly number[][];
      readonly weights: readonly number[][];
      readonly triangles: readonly number[][];
      readonly is_mirrored: boolean;
    };
  };
}

function prepare({ theta, us, data }: Input): [Tensor, Tensor | undefined, Model, Targets, Hand] {
  const { model, correspondences, points } = data;
  const complicated = us.length > 0;
  const vertices = complicated ? correspondences.map((i) => model.triangles[i]) : correspondences;
  return [
    doubles(theta),
    complicated ? doubles(us) : undefined,
    {
      relatives: doubles(model.base_relatives),
      inverseAbsolutes: doubles(model.inverse_base_absolutes),
      positions: doubles(model.base_positions).transpose(),
      weights: doubles(model.weights).transpose(),
    },
    { points: doubles(points), vertices: positions(vertices as number[]) },
    { parents: model.parents, mirrored: model.is_mirrored },
  ];
}

export const ht: Evaluation = {
  objective: evaluated(jit(errors, { static: [4] }), { prepare, output: arrayOf }),
  jacobian: evaluated(jit(columns, { static: [4] }), { prepare, output: (c) => arrayOf(c.transpose()) }),
};
