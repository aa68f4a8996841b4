/** The training step that many figures are about: an MLP with relu and cross-entropy, plain gradient descent. */
import { grad, jit, type JitOptions, nn, type Shared, shared, type Tensor, zeros } from "../mod.ts";

/** One step on images and labels with rate 0.1; it starts from these weights and from biases of zero. */
export function mlpStep(
  weights: readonly Tensor[],
  options: JitOptions = {},
): (images: Tensor, labels: Tensor) => Tensor {
  const layers: [Shared, Shared][] = weights.map((w) => [shared(w), shared(zeros([w.shape[1]]))]);
  return jit((images: Tensor, labels: Tensor) => {
    let h = images;
    layers.forEach(([w, bias], i) => {
      h = h.matmul(w.value).add(bias.value);
      if (i < layers.length - 1) h = nn.relu(h);
    });
    const cost = nn.crossEntropy(h, labels);
    const gradients = grad(cost, layers) as Tensor[][];
    layers.forEach((pair, i) => pair.forEach((p, j) => p.value = p.value.sub(gradients[i][j].mul(0.1))));
    return cost;
  }, { name: "mlpStep", ...options });
}
