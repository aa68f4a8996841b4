/** ht: hand tracking; points on a skinned mesh less measured ones, by the pose of the hand and places on triangles. */
import {
  concat,
  eye,
  jacfwd,
  jit,
  jvp,
  onesLike,
  slice,
  stack,
  type Tensor,
  tensor,
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
  /** `[vertices, 4]`, homogeneous. */
  readonly positions: Tensor;
  /** `[vertices, bones]` */
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

/** Products of the matrices from the root to each bone, level by level of the tree. */
function absolutes(relatives: Tensor, parents: readonly number[]): Tensor[] {
  const products: Tensor[] = [];
  parents.forEach((parent, i) => {
    const own = relatives.at(i);
    products.push(parent < 0 ? own : products[parent].matmul(own));
  });
  return products;
}

/** Where the vertices are, `[vertices, 3]`: mixtures of what the bones make of them, turned and moved as a whole. */
function vertexPositions(theta: Tensor, model: Model, { parents, mirrored }: Hand): Tensor {
  const rotations = eulerRotations(fingerAngles(theta, parents.length));
  const turned = model.relatives.at("...", slice(0, 3)).matmul(rotations);
  const relatives = concat([turned, model.relatives.at("...", slice(3))], 2);
  const transforms = stack(absolutes(relatives, parents)).matmul(model.inverseAbsolutes).at(
    slice(),
    slice(0, 3),
  );
  const mixed = model.weights.matmul(transforms.reshape([parents.length, 12])).reshape([-1, 3, 4]);
  const positions = mixed.mul(model.positions.expandDims(1)).sum({ axis: 2 });
  const placed = mirrored ? positions.mul(doubles([-1, 1, 1])) : positions;
  return placed.matmul(axisRotation(theta.at(slice(0, 3))).transpose()).add(theta.at(slice(3, 6)));
}

function simpleErrors(theta: Tensor, model: Model, { points, vertices }: Targets, hand: Hand): Tensor {
  return points.sub(vertexPositions(theta, model, hand).take(vertices, 0));
}

/** The same for points inside triangles, with barycentric coordinates `us` of two corners. */
function triangleErrors(
  theta: Tensor,
  us: Tensor,
  model: Model,
  { points, vertices }: Targets,
  hand: Hand,
): Tensor {
  const corners = vertexPositions(theta, model, hand).take(vertices, 0);
  const last = us.sum({ axis: 1, keepDims: true }).neg().add(1);
  const shares = concat([us, last], 1);
  return points.sub(corners.mul(shares.expandDims(2)).sum({ axis: 1 }));
}

function objective(
  theta: Tensor,
  us: Tensor | undefined,
  model: Model,
  targets: Targets,
  hand: Hand,
): Tensor {
  const errors = us
    ? triangleErrors(theta, us, model, targets, hand)
    : simpleErrors(theta, model, targets, hand);
  return errors.ravel();
}

/**
 * Columns for theta, and before them two for `us`: a point depends on its own pair alone, so that the derivatives by all
 * pairs fit into two columns, each a derivative along the first or the second of all pairs at once.
 */
function jacobian(theta: Tensor, us: Tensor | undefined, model: Model, targets: Targets, hand: Hand): Tensor {
  const byTheta = jacfwd(objective)(theta, us, model, targets, hand) as Tensor;
  if (!us) return byTheta;
  const byPairs = [[1, 0], [0, 1]].map((direction) => {
    const along = zerosLike(us).add(doubles(direction));
    return jvp((us: Tensor) => objective(theta, us, model, targets, hand), [us], [along])[1];
  });
  return concat([stack(byPairs, 1), byTheta], 1);
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
      positions: doubles(model.base_positions),
      weights: doubles(model.weights),
    },
    { points: doubles(points), vertices: tensor(vertices as number[], { dtype: "int32" }) },
    { parents: model.parents, mirrored: model.is_mirrored },
  ];
}

export const ht: Evaluation = {
  objective: evaluated(jit(objective, { static: [4] }), { prepare, output: arrayOf }),
  jacobian: evaluated(jit(jacobian, { static: [4] }), { prepare, output: arrayOf }),
};
