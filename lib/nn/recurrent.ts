/** Recurrent layers: RNN, GRU and LSTM over sequences whose first axis is time. */
import { defaultFloat } from "../trace/dtype.ts";
import { scan } from "../loop/functions.ts";
import { DamoError, ShapeError } from "../trace/errors.ts";
import { strong, type TensorLike } from "../trace/ops/convert.ts";
import { tensor } from "../trace/ops/creation.ts";
import { matmul } from "../trace/ops/linear_algebra.ts";
import { checkOptions } from "../trace/ops/options.ts";
import { flip } from "../trace/ops/shape_order.ts";
import { split } from "../trace/ops/shape_join.ts";
import { sigmoid } from "../trace/ops/special.ts";
import { tanh } from "../trace/ops/trigonometric.ts";
import { filled } from "../trace/primitives/zeros.ts";
import { sameShape } from "../trace/shape.ts";
import type { Shared } from "../trace/shared.ts";
import type { Tensor } from "../trace/tensor.ts";
import { floatInput, relu } from "./activation.ts";
import { describe } from "./describe.ts";
import { glorotUniform, type Initializer, orthogonal, zeros } from "./init.ts";
import { Module } from "./module.ts";
import { ParameterMaker, type WeightOptions } from "./parameters.ts";
import { checkSize } from "./sizes.ts";

/** Options of recurrent layers. */
export interface RecurrentOptions extends WeightOptions {
  /** Adds biases; true by default. */
  readonly bias?: boolean;
  /** Walks from the last step to the first; the outputs stay at the places of their inputs. */
  readonly reverse?: boolean;
}

/** Options of RNN. */
export interface RnnOptions extends RecurrentOptions {
  /** "tanh" by default. */
  readonly activation?: "tanh" | "relu";
}

/** Options of LSTM. */
export interface LstmOptions extends RecurrentOptions {
  /** What the bias of the forget gate starts at; 1 by default (Jozefowicz, Zaremba and Sutskever, ICML 2015). */
  readonly forgetBias?: number;
}

/** The state of an LSTM: output and cell, each [..., hidden]. */
export interface LstmState {
  /** The output. */
  readonly h: Tensor;
  /** The cell. */
  readonly c: Tensor;
}

/** What recurrent layers have in common. `State` is a tensor, or a tree of them. */
export abstract class Recurrent<State> extends Module {
  /** [in, gates hidden]: one block of columns per gate. */
  readonly inputWeight: Shared;
  /** [hidden, gates hidden]. */
  readonly recurrentWeight: Shared;
  /** [gates hidden], or null without biases. */
  readonly bias: Shared | null;
  /** Whether it walks from the last step to the first. */
  readonly reverse: boolean;
  /** The size of the state. */
  readonly hidden: number;
  readonly #operation: string;

  /** @internal */
  constructor(
    operation: string,
    [inputs, hidden]: readonly [number, number],
    gates: number,
    options: RecurrentOptions,
    own: readonly string[],
    biasInit: Initializer = zeros,
  ) {
    super();
    checkOptions(operation, options, ["bias", "reverse", "init", "seed", "dtype", ...own]);
    checkSize(operation, "in", inputs);
    checkSize(operation, "hidden", hidden);
    this.#operation = operation;
    this.hidden = hidden;
    this.reverse = options.reverse ?? false;
    const make = new ParameterMaker(operation, options);
    this.inputWeight = make.weight("inputWeight", [inputs, gates * hidden], glorotUniform);
    this.recurrentWeight = make.weight("recurrentWeight", [hidden, gates * hidden], orthogonal);
    this.bias = options.bias ?? true ? make.constant("bias", [gates * hidden], biasInit) : null;
  }

  /**
   * The state before the first step: zeros.
   *
   * @internal
   */
  protected abstract zeroState(shape: readonly number[], like: Tensor): State;

  /**
   * The next state from the input's part `x W + b` and the state.
   *
   * @internal
   */
  protected abstract advance(drive: Tensor, state: State): State;

  /**
   * The output of a state.
   *
   * @internal
   */
  protected abstract outputOf(state: State): Tensor;

  /**
   * A state that the user passed, as tensors of the right shapes.
   *
   * @internal
   */
  protected abstract checkState(state: unknown, shape: readonly number[]): State;

  /**
   * The outputs of all steps: x [T, ..., in] gives [T, ..., hidden].
   *
   * @param initial The state before the first step; zeros when left out.
   * @throws {ShapeError} when the last axis of x is not `in`, or the state has another shape.
   */
  override forward(x: TensorLike, initial?: State): Tensor {
    return this.run(x, initial)[0];
  }

  /**
   * The outputs of all steps, and the state after the last one.
   *
   * @param initial The state before the first step; zeros when left out.
   * @throws {ShapeError} when the last axis of x is not `in`, or the state has another shape.
   */
  run(x: TensorLike, initial?: State): [outputs: Tensor, state: State] {
    const value = this.#input(x, 2);
    const shape = [...value.shape.slice(1, -1), this.hidden];
    const drives = this.#drive(value);
    const start = initial === undefined ? this.zeroState(shape, drives) : this.checkState(initial, shape);
    const ordered = this.reverse ? flip(drives, 0) : drives;
    const step = (carry: unknown, drive: Tensor): [unknown, Tensor] => {
      const next = this.advance(drive, carry as State);
      return [next, this.outputOf(next)];
    };
    const [state, outputs] = scan(step as never, start, ordered) as unknown as [State, Tensor];
    return [this.reverse ? flip(outputs, 0) : outputs, state];
  }

  /**
   * One step: x [..., in] and a state give the next state, whose output is [..., hidden].
   *
   * @throws {ShapeError} when the last axis of x is not `in`, or the state has another shape.
   */
  step(x: TensorLike, state: State): State {
    const value = this.#input(x, 1);
    return this.advance(
      this.#drive(value),
      this.checkState(state, [...value.shape.slice(0, -1), this.hidden]),
    );
  }

  #drive(x: Tensor): Tensor {
    const product = matmul(x, this.inputWeight);
    return this.bias ? product.add(this.bias) : product;
  }

  #input(x: TensorLike, least: number): Tensor {
    const value = floatInput(this.#operation, x);
    const [inputs] = this.inputWeight.shape;
    if (value.ndim >= least && value.shape[value.ndim - 1] === inputs) return value;
    throw new ShapeError(
      `${this.#operation}: x is ${describe(value)}, and the layer takes [${
        least === 2 ? "T, " : ""
      }..., ${inputs}].`,
      {
        operation: this.#operation,
        arguments: [{ name: "x", shape: value.shape, dtype: value.dtype }],
        remedy: "The first axis is time and the last the features: a batch is [T, N, features].",
      },
    );
  }

  /**
   * A tensor of a state.
   *
   * @internal
   */
  protected stateTensor(name: string, value: unknown, shape: readonly number[]): Tensor {
    const given = strong(value as TensorLike, this.#operation);
    if (sameShape(given.shape, shape)) return given;
    throw new ShapeError(
      `${this.#operation}: ${name} is ${describe(given)}, and must be [${shape.join(", ")}].`,
      {
        operation: this.#operation,
        arguments: [{ name, shape: given.shape, dtype: given.dtype }],
        remedy: "Pass a state of the batch's shape and the layer's hidden size, or leave it out for zeros.",
      },
    );
  }
}

/** Layers whose state is one tensor. */
export abstract class PlainRecurrent extends Recurrent<Tensor> {
  /** @internal */
  protected override zeroState(shape: readonly number[], like: Tensor): Tensor {
    return filled(0, { shape, dtype: like.dtype });
  }

  /** @internal */
  protected override outputOf(state: Tensor): Tensor {
    return state;
  }

  /** @internal */
  protected override checkState(state: unknown, shape: readonly number[]): Tensor {
    return this.stateTensor("state", state, shape);
  }
}

/**
 * A simple recurrent layer (Elman 1990): `h' = tanh(x W + b + h U)`. x is [T, N, in], or [T, in] for one sequence; `forward`
 * gives the outputs of all steps, `run` also the last state, `step` one step. W starts Glorot-uniform, U orthogonal.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const layer = new nn.RNN(3, 5);
 * const [outputs, state] = layer.run(ones([7, 2, 3]));
 * console.assert(outputs.shape.join() === "7,2,5" && state.shape.join() === "2,5");
 * ```
 */
export class RNN extends PlainRecurrent {
  readonly #activation: (x: Tensor) => Tensor;

  /**
   * Makes the layer with new weights.
   *
   * @param inputs The size of the last axis of x.
   * @param hidden The size of the state.
   * @throws {ShapeError} for sizes that are no positive integers.
   */
  constructor(inputs: number, hidden: number, options: RnnOptions = {}) {
    super("nn.RNN", [inputs, hidden], 1, options, ["activation"]);
    const { activation = "tanh" } = options;
    if (activation !== "tanh" && activation !== "relu") {
      throw new DamoError(`nn.RNN: activation is ${JSON.stringify(activation)}.`, {
        operation: "nn.RNN",
        arguments: [{ name: "activation", value: activation }],
        remedy: 'Pass "tanh" or "relu".',
      });
    }
    this.#activation = activation === "tanh" ? tanh : relu;
  }

  /** @internal */
  protected override advance(drive: Tensor, state: Tensor): Tensor {
    return this.#activation(drive.add(matmul(state, this.recurrentWeight)));
  }
}

/**
 * Gated recurrent units (Cho et al., EMNLP 2014), with the reset gate behind the product as in cuDNN: with the gates r, z, n
 * side by side in the weights, `r = sigmoid(x Wr + br + h Ur)`, `z` alike, `n = tanh(x Wn + bn + r (h Un + cn))` and
 * `h' = (1 - z) n + z h`; c is `recurrentBias`. See {@link RNN} for shapes.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * console.assert(new nn.GRU(3, 5).forward(ones([7, 2, 3])).shape.join() === "7,2,5");
 * ```
 */
export class GRU extends PlainRecurrent {
  /** [hidden], inside the reset gate; null without biases. */
  readonly recurrentBias: Shared | null;

  /**
   * Makes the layer with new weights.
   *
   * @param inputs The size of the last axis of x.
   * @param hidden The size of the state.
   * @throws {ShapeError} for sizes that are no positive integers.
   */
  constructor(inputs: number, hidden: number, options: RecurrentOptions = {}) {
    super("nn.GRU", [inputs, hidden], 3, options, []);
    this.recurrentBias = this.bias
      ? new ParameterMaker("nn.GRU", options).constant("recurrentBias", [hidden], zeros)
      : null;
  }

  /** @internal */
  protected override advance(drive: Tensor, state: Tensor): Tensor {
    const [driveReset, driveUpdate, driveNew] = split(drive, 3, -1);
    const [reset, update, candidate] = split(matmul(state, this.recurrentWeight), 3, -1);
    const r = sigmoid(driveReset.add(reset)), z = sigmoid(driveUpdate.add(update));
    const inner = this.recurrentBias ? candidate.add(this.recurrentBias) : candidate;
    const n = tanh(driveNew.add(r.mul(inner)));
    return n.add(z.mul(state.sub(n)));
  }
}

/**
 * Long short-term memory (Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000): with the gates i, f, g, o side
 * by side in the weights, `c' = sigmoid(f) c + sigmoid(i) tanh(g)` and `h' = sigmoid(o) tanh(c')`. The state is { h, c }. See
 * {@link RNN} for shapes.
 *
 * @example
 * ```ts
 * import { nn, ones } from "@damo/damo";
 * const layer = new nn.LSTM(3, 5);
 * const [outputs, { h, c }] = layer.run(ones([7, 2, 3]));
 * console.assert(outputs.shape.join() === "7,2,5" && h.shape.join() === "2,5" && c.shape.join() === "2,5");
 * ```
 */
export class LSTM extends Recurrent<LstmState> {
  /**
   * Makes the layer with new weights.
   *
   * @param inputs The size of the last axis of x.
   * @param hidden The size of the state.
   * @throws {ShapeError} for sizes that are no positive integers.
   */
  constructor(inputs: number, hidden: number, options: LstmOptions = {}) {
    const { forgetBias = 1 } = options;
    super("nn.LSTM", [inputs, hidden], 4, options, ["forgetBias"], (_key, shape, init) => {
      const values = new Float64Array(shape[0]).fill(forgetBias, shape[0] / 4, shape[0] / 2);
      return tensor(values, { dtype: init?.dtype ?? defaultFloat() });
    });
  }

  /** @internal */
  protected override zeroState(shape: readonly number[], like: Tensor): LstmState {
    const zero = filled(0, { shape, dtype: like.dtype });
    return { h: zero, c: zero };
  }

  /** @internal */
  protected override advance(drive: Tensor, { h, c }: LstmState): LstmState {
    const [i, f, g, o] = split(drive.add(matmul(h, this.recurrentWeight)), 4, -1);
    const cell = sigmoid(f).mul(c).add(sigmoid(i).mul(tanh(g)));
    return { h: sigmoid(o).mul(tanh(cell)), c: cell };
  }

  /** @internal */
  protected override outputOf({ h }: LstmState): Tensor {
    return h;
  }

  /** @internal */
  protected override checkState(state: unknown, shape: readonly number[]): LstmState {
    const { h, c } = state as Partial<LstmState>;
    if (h === undefined || c === undefined) {
      throw new DamoError("nn.LSTM: the state has no h or no c.", {
        operation: "nn.LSTM",
        arguments: [{ name: "state", value: state }],
        remedy: "Pass { h, c }, as run and step give it.",
      });
    }
    return { h: this.stateTensor("state.h", h, shape), c: this.stateTensor("state.c", c, shape) };
  }
}
