/** threefry: the counter-based generator Threefry-2x32 with 20 rounds. */
import { DTypeError } from "../errors.ts";
import { NOT_LINEAR, notDifferentiable, type Primitive } from "../primitive.ts";
import { type Aval, broadcastAll, describe, sizeOf } from "../shape.ts";
import { bind } from "../trace.ts";
import { evaluateElementwise } from "./elementwise_define.ts";
import { alignBatch, type NoParams } from "./elementwise_rules.ts";

/** After rounds 4, 8, 12, 16 and 20 a key is injected; the rotations of the rounds repeat with period 8. */
const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24];
const PARITY = 0x1BD11BDA;

/**
 * Two random words for two words of key and two of counter (Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011).
 */
export function threefry2x32(
  key0: number,
  key1: number,
  counter0: number,
  counter1: number,
): [number, number] {
  const keys = [key0, key1, key0 ^ key1 ^ PARITY];
  let x = (counter0 + key0) | 0, y = (counter1 + key1) | 0;
  for (let round = 0; round < 20; round++) {
    const rotation = ROTATIONS[round % 8];
    x = (x + y) | 0;
    y = ((y << rotation) | (y >>> (32 - rotation))) ^ x;
    if (round % 4 === 3) {
      const injection = (round + 1) / 4;
      x = (x + keys[injection % 3]) | 0;
      y = (y + keys[(injection + 1) % 3] + injection) | 0;
    }
  }
  return [x >>> 0, y >>> 0];
}

/** Inputs key0, key1, counter0, counter1, uint32, broadcast together; outputs both words. */
export const threefryPrimitive: Primitive<NoParams> = {
  name: "threefry",
  infer(inputs) {
    const wrong = inputs.find((x) => x.dtype !== "uint32");
    if (wrong) {
      throw new DTypeError(`threefry: keys and counters are uint32, got ${describe(wrong)}.`, {
        operation: "threefry",
        remedy: 'Use cast("uint32").',
      });
    }
    const out: Aval = { shape: broadcastAll("threefry", inputs), dtype: "uint32" };
    return [out, out];
  },
  derivative: notDifferentiable("Random bits have no derivative."),
  linear: NOT_LINEAR,
  batch({ inputs, batched, params }) {
    return bind(threefryPrimitive, alignBatch(inputs, batched), params);
  },
  evaluate(inputs, _params, [out]) {
    const spread = inputs.map((x) => evaluateElementwise([x], out, (value) => value).data);
    const first = new Float64Array(sizeOf(out.shape)), second = new Float64Array(first.length);
    for (let i = 0; i < first.length; i++) {
      [first[i], second[i]] = threefry2x32(spread[0][i], spread[1][i], spread[2][i], spread[3][i]);
    }
    return [{ ...out, data: first }, { ...out, data: second }];
  },
  lower() {
    return { kind: "threefry" };
  },
  print() {
    return "";
  },
};
