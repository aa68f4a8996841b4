/** kmeans: the cost of a clustering and the Newton direction of its centroids. */
import { grad, jit, jvp, onesLike, type Tensor } from "@damo/damo";
import { arrayOf, doubles, evaluated, type Evaluation, numberOf } from "../evaluation.ts";

/**
 * sum_i min_j |c_j - p_i|^2. Which centroid is nearest is found from |c_j|^2 - 2 p_i . c_j; only the distance to that one
 * is differentiated, which is the derivative of the minimum.
 */
function cost(centroids: Tensor, points: Tensor): Tensor {
  const squares = centroids.square().sum({ axis: 1 });
  const nearest = squares.sub(points.matmul(centroids.transpose()).mul(2)).argmin({ axis: 1 });
  return centroids.take(nearest, 0).sub(points).square().sum();
}

/** The gradient over the diagonal of the Hessian, which is all of it: its product with ones. */
function direction(centroids: Tensor, points: Tensor): Tensor {
  const [slope, curvature] = jvp(grad(cost), [centroids, points], [onesLike(centroids), null]);
  return slope.div(curvature);
}

interface Input {
  readonly points: readonly number[][];
  readonly centroids: readonly number[][];
}

const prepare = ({ points, centroids }: Input): [Tensor, Tensor] => [doubles(centroids), doubles(points)];

export const kmeans: Evaluation = {
  cost: evaluated(jit(cost), { prepare, output: numberOf }),
  dir: evaluated(jit(direction), { prepare, output: arrayOf }),
};
