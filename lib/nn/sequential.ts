/** Sequential: one layer behind the other. */
import { strong, type TensorLike } from "../trace/ops/convert.ts";
import type { Tensor } from "../trace/tensor.ts";
import { Module } from "./module.ts";

/** A layer, or a plain function of a tensor. */
export type Layer = Module | ((x: Tensor) => Tensor);

/**
 * Applies layers and functions in order.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const net = new nn.Sequential([new nn.Linear(3, 8), nn.relu, new nn.Linear(8, 1)]);
 * console.assert(net.forward(tensor([[1, 2, 3]])).shape.join() === "1,1");
 * ```
 */
export class Sequential extends Module {
  readonly layers: readonly Layer[];

  constructor(layers: readonly Layer[]) {
    super();
    this.layers = [...layers];
  }

  override forward(x: TensorLike): Tensor {
    let value = strong(x, "nn.Sequential");
    for (const layer of this.layers) value = layer instanceof Module ? layer.forward(value) : layer(value);
    return value;
  }
}
