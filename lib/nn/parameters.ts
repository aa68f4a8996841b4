/** Parameters of layers: shared variables with an initial value. */
import type { DType } from "../trace/dtype.ts";
import { ShapeError } from "../trace/errors.ts";
import { shared } from "../trace/ops/creation.ts";
import { sameShape, type Shape } from "../trace/shape.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import { withoutTrace } from "../trace/trace.ts";
import * as random from "../random/mod.ts";
import { describe } from "./describe.ts";
import { glorotUniform, type Initializer } from "./init.ts";
import { freshSeed } from "./sizes.ts";

/** Options that all layers with weights have. */
export interface WeightOptions {
  /** Makes the initial weights; each layer says what its own choice is. */
  readonly init?: Initializer;
  /** Seeds the weights; each layer gets another seed when left out. */
  readonly seed?: number;
  /** A float dtype; the default float when left out. */
  readonly dtype?: DType;
}

/** Makes the parameters of one layer, each with a key of its own. */
export class ParameterMaker {
  readonly #operation: string;
  readonly #options: WeightOptions;
  #key: Tensor | null = null;

  constructor(operation: string, options: WeightOptions) {
    this.#operation = operation;
    this.#options = options;
  }

  /** A weight by the initialiser of the options, or the one given. */
  weight(name: string, shape: Shape, init: Initializer = glorotUniform): Shared {
    const { init: chosen = init, seed, dtype } = this.#options;
    return withoutTrace(() => {
      const [next, own] = random.split(this.#key ?? random.key(seed ?? freshSeed()));
      this.#key = next;
      const value = chosen(own, shape, { dtype });
      if (!sameShape(value.shape, shape)) {
        throw new ShapeError(`${this.#operation}: init made ${describe(value)} for ${name}.`, {
          operation: this.#operation,
          arguments: [{ name, shape }],
          remedy: `An initialiser (key, shape, { dtype }) must return a tensor of that shape, here [${
            shape.join(", ")
          }].`,
        });
      }
      return shared(value, { name });
    });
  }

  /** A parameter with a value of its own, such as a bias. */
  constant(name: string, shape: Shape, init: Initializer): Shared {
    const { dtype } = this.#options;
    return withoutTrace(() => shared(init(0, shape, { dtype }), { name }));
  }
}
