/** Free functions as methods. */
import type { Tensor } from "../tensor.ts";
import { installMethods } from "../tensor.ts";
import type { TensorMethods } from "./methods.ts";

/** Functions that take the tensor first, under the names of methods. */
type Functions = {
  readonly [K in keyof TensorMethods]?: TensorMethods[K] extends (...rest: infer R) => infer Result
    ? (x: Tensor, ...rest: R) => Result
    : never;
};

/** Makes `x.name(...rest)` of `name(x, ...rest)`. */
export function installFunctions(functions: Functions): void {
  const methods: Record<string, unknown> = {};
  for (const [name, apply] of Object.entries(functions) as [string, (...all: unknown[]) => unknown][]) {
    methods[name] = function (this: Tensor, ...rest: unknown[]): unknown {
      return apply(this, ...rest);
    };
  }
  installMethods(methods as Partial<TensorMethods>);
}
