/** Sequential: one layer behind the other. */
import { DamoError } from "../trace/errors.ts";
import { strong, type TensorLike } from "../trace/ops/convert.ts";
import type { Tensor } from "../trace/tensor.ts";
import { Module } from "./module.ts";

/** A layer, or a plain function of a tensor. */
export type Layer = Module | ((x: Tensor) => Tensor);

/**
 * Applies layers and functions in order. Names of state are `layers.0.weight` and so on.
 *
 * @example
 * ```ts
 * import { nn, tensor } from "@damo/damo";
 * const net = new nn.Sequential([new nn.Linear(3, 8), nn.relu, new nn.Linear(8, 1)]);
 * console.assert(net.forward(tensor([[1, 2, 3]])).shape.join() === "1,1");
 * ```
 */
export class Sequential extends Module {
  /** The layers and functions, in order. */
  readonly layers: readonly Layer[];

  /**
   * Makes the layer.
   *
   * @param given Modules and functions of one tensor, in one array or as arguments of their own.
   * @throws {DamoError} for anything else.
   */
  constructor(...given: readonly Layer[] | readonly [readonly Layer[]]) {
    super();
    const [first] = given;
    const layers = given.length === 1 && Array.isArray(first)
      ? first as readonly Layer[]
      : given as readonly Layer[];
    layers.forEach((layer, i) => {
      if (layer instanceof Module || typeof layer === "function") return;
      throw new DamoError(`nn.Sequential: layer ${i} is ${String(layer)}.`, {
        operation: "nn.Sequential",
        arguments: [{ name: `layers[${i}]`, value: layer }],
        remedy: "Pass modules, such as new nn.Linear(4, 2), and functions of a tensor, such as nn.relu.",
      });
    });
    this.layers = [...layers];
  }

  /** The output of the last layer. */
  override forward(x: TensorLike): Tensor {
    let value = strong(x, "nn.Sequential");
    for (const layer of this.layers) value = layer instanceof Module ? layer.forward(value) : layer(value);
    return value;
  }
}
