/** The switch primitive: one of several graphs runs, chosen by an index that is clamped into range. */
import type { Primitive } from "../trace/primitive.ts";
import { switchInfluences } from "./loop_influence.ts";
import type { SwitchParams } from "./loop_params.ts";
import {
  batchSwitch,
  evaluateSwitch,
  forwardSwitch,
  inferSwitch,
  linearizeSwitch,
  transposeSwitch,
} from "./switch_rules.ts";

export const switchPrimitive: Primitive<SwitchParams> = {
  name: "switch",
  infer: inferSwitch,
  derivative: {
    kind: "derivative",
    jvp({ primals, tangents, params }) {
      return forwardSwitch(primals, tangents, params).tangents;
    },
    forward({ primals, tangents, params }) {
      return forwardSwitch(primals, tangents, params);
    },
    linearize({ primals, tangents, params }) {
      return linearizeSwitch(primals, tangents, params);
    },
  },
  linear: { kind: "linear", transpose: transposeSwitch },
  batch: batchSwitch,
  evaluate: evaluateSwitch,
  lower() {
    return { kind: "switch" };
  },
  print({ branches }) {
    return `branches=${branches.length}`;
  },
  influences: switchInfluences,
  graphs({ branches }) {
    return branches.map((graph, i) => ({ name: `branch ${i}`, graph }));
  },
};
