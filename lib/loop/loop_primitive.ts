/** The loop primitive: scans, for loops and while loops are one node with sub-graphs. */
import type { Primitive } from "../trace/primitive.ts";
import { batchLoop } from "./loop_batch.ts";
import { evaluateLoop } from "./loop_evaluate.ts";
import { forwardLoop } from "./loop_forward.ts";
import { inferLoop } from "./loop_infer.ts";
import { loopInfluences } from "./loop_influence.ts";
import { linearizeLoop } from "./loop_linearize.ts";
import { DYNAMIC, type LoopParams } from "./loop_params.ts";
import { transposeLoop } from "./loop_transpose.ts";

export const loopPrimitive: Primitive<LoopParams> = {
  name: "loop",
  infer: inferLoop,
  derivative: {
    kind: "derivative",
    jvp({ primals, tangents, params }) {
      return forwardLoop(primals, tangents, params).tangents;
    },
    forward({ primals, tangents, params }) {
      return forwardLoop(primals, tangents, params);
    },
    linearize({ primals, tangents, params }) {
      return linearizeLoop(primals, tangents, params);
    },
  },
  linear: { kind: "linear", transpose: transposeLoop },
  batch: batchLoop,
  evaluate: evaluateLoop,
  lower() {
    return { kind: "loop" };
  },
  print({ constants, carries, sequences, results, length, counted, stops, reverse }) {
    const parts = [
      length === DYNAMIC ? "" : `length=${length}`,
      counted ? "counted" : "",
      constants ? `constants=${constants}` : "",
      carries ? `carries=${carries}` : "",
      sequences ? `sequences=${sequences}` : "",
      results ? `results=${results}` : "",
      stops ? "stops" : "",
      reverse ? "reverse" : "",
    ];
    return parts.filter((part) => part !== "").join(", ");
  },
  influences: loopInfluences,
  graphs({ body, condition }) {
    const inner = [{ name: "body", graph: body }];
    return condition ? [{ name: "condition", graph: condition }, ...inner] : inner;
  },
};
