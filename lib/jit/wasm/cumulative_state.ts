/** What running sums, products and extrema are kept in. */
import type { DType } from "../../trace/dtype.ts";
import type { Cumulative } from "../kernel/kernel.ts";
import type { LaneCount } from "./nest/mod.ts";
import { laneOf } from "./nest/value.ts";

/** The operation that each combines with. */
export const CUMULATIVE_OPS: {
  readonly [C in Cumulative["combiner"]]: "add" | "mul" | "maximum" | "minimum";
} = {
  sum: "add",
  prod: "mul",
  max: "maximum",
  min: "minimum",
};

/** Sums and products of float32 run in float64, two lanes at a time, so that long ones stay accurate. */
export function cumulativeState({ combiner, dtype }: Cumulative): {
  readonly state: DType;
  readonly lanes: LaneCount;
} {
  const sums = combiner === "sum" || combiner === "prod";
  const state: DType = laneOf(dtype) === "f32" && sums ? "float64" : dtype;
  return { state, lanes: laneOf(state) === "f64" ? 2 : 4 };
}
