/** The sum of two tapes. Their size is known only at run time, so it is a loop over their records. */
import { installTapeAddition } from "../autodiff/pull_back.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import type { Tensor } from "../trace/tensor.ts";
import { bind, bindOne } from "../trace/trace.ts";
import { closedBody, inputsOf } from "./body_trace.ts";
import { DYNAMIC, type LoopParams } from "./loop_params.ts";
import { loopPrimitive } from "./loop_primitive.ts";

/** `a + b`, record by record. */
export function addTapes(a: Tensor, b: Tensor): Tensor {
  const record = { shape: a.shape.slice(1), dtype: a.aval.dtype };
  const params: LoopParams = {
    body: closedBody("sum of tapes", (trace) => {
      const inputs = inputsOf(trace, [record, record]);
      return { inputs, outputs: [bindOne(elementwise.add, inputs, {})] };
    }),
    condition: null,
    constants: 0,
    carries: 0,
    sequences: 2,
    results: 1,
    length: DYNAMIC,
    counted: false,
    step: false,
    stops: false,
    reverse: false,
    taken: false,
  };
  return bind(loopPrimitive, [a, b], params)[0];
}

installTapeAddition(addTapes);
