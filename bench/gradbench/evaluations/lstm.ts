/** lstm: the loss of a recurrent net whose weight matrices are diagonal. */
import { concat, grad, jit, scan, sigmoid, slice, split, type Tensor } from "@damo/damo";
import { arrayOf, doubles, evaluated, type Evaluation, numberOf } from "../evaluation.ts";

/** One layer: weights and biases of its gates, all of the size of the state. */
interface Layer {
  readonly weight: readonly Tensor[];
  readonly bias: readonly Tensor[];
}

type LayerState = readonly [hidden: Tensor, cell: Tensor];

/** The order of the four gates in the parameters. */
const FORGET = 0, INPUT = 1, OUTPUT = 2, CHANGE = 3;

function stepLayer({ weight, bias }: Layer, [hidden, cell]: LayerState, x: Tensor): LayerState {
  const gate = (i: number, v: Tensor) => v.mul(weight[i]).add(bias[i]);
  const kept = cell.mul(sigmoid(gate(FORGET, x)));
  const next = kept.add(sigmoid(gate(INPUT, hidden)).mul(gate(CHANGE, hidden).tanh()));
  return [sigmoid(gate(OUTPUT, x)).mul(next.tanh()), next];
}

/** log(2 + sum exp(y)), as the benchmark defines it. */
function logSumExp(y: Tensor): Tensor {
  return y.exp().sum().add(2).log();
}

/**
 * The mean of -target . (y - logSumExp(y)) over a sequence, where the target of a character is the next one. Rows of
 * `main` are the weights and biases of the layers in turn, those of `extra` the weights of the input and the weights
 * and biases of the output, those of `state` the hidden and cell states.
 */
function loss(main: Tensor, extra: Tensor, state: Tensor, sequence: Tensor): Tensor {
  const size = extra.shape[1], layers = main.shape[0] / 2, steps = sequence.shape[0] - 1;
  const parameters = Array.from({ length: layers }, (_, i): Layer => ({
    weight: split(main.at(2 * i), 4),
    bias: split(main.at(2 * i + 1), 4),
  }));
  const initial = parameters.map((_, i): LayerState => [state.at(2 * i), state.at(2 * i + 1)]);
  const step = (states: readonly LayerState[], [x, target]: readonly Tensor[]): [LayerState[], Tensor] => {
    let signal = x.mul(extra.at(0));
    const next = parameters.map((layer, i) => {
      const stepped = stepLayer(layer, states[i], signal);
      signal = stepped[0];
      return stepped;
    });
    const y = signal.mul(extra.at(1)).add(extra.at(2));
    return [next, target.mul(y.sub(logSumExp(y))).sum()];
  };
  const [, terms] = scan(step, initial, [sequence.at(slice(0, -1)), sequence.at(slice(1))]);
  return terms.sum().div(-steps * size);
}

/** Both gradients, flat, one after the other. */
function gradient(main: Tensor, extra: Tensor, state: Tensor, sequence: Tensor): Tensor {
  const [ofMain, ofExtra] = grad(loss, { argnums: [0, 1] })(main, extra, state, sequence) as Tensor[];
  return concat([ofMain.ravel(), ofExtra.ravel()]);
}

interface Input {
  readonly main_params: readonly number[][];
  readonly extra_params: readonly number[][];
  readonly state: readonly number[][];
  readonly sequence: readonly number[][];
}

function prepare(input: Input): [Tensor, Tensor, Tensor, Tensor] {
  const { main_params, extra_params, state, sequence } = input;
  return [doubles(main_params), doubles(extra_params), doubles(state), doubles(sequence)];
}

export const lstm: Evaluation = {
  objective: evaluated(jit(loss), { prepare, output: numberOf }),
  jacobian: evaluated(jit(gradient), { prepare, output: arrayOf }),
};
