/** States of reductions: where they start, how a value joins them, how two of them become one. */
import { type DType, isFloat, rangeOf } from "../../../trace/dtype.ts";
import type { Combiner } from "../../../trace/scalar_op.ts";
import type { Reduction } from "../../kernel/kernel.ts";
import { literal, type RegisterType, registerType } from "../literal.ts";
import type { Shader } from "../shader.ts";

export function isPosition(combiner: Combiner): boolean {
  return combiner === "argmax" || combiner === "argmin";
}

/** Long float sums are made of sums of blocks, so that their error grows with the number of blocks only. */
export function wantsBlocks(reduction: Reduction): boolean {
  return reduction.combiner === "sum" && isFloat(reduction.dtype);
}

export function stateType({ combiner, dtype }: Reduction): RegisterType {
  return combiner === "any" || combiner === "all" ? "bool" : registerType(dtype);
}

/** The value that changes nothing, or for positions loses against all. */
export function startValue({ combiner, dtype }: Reduction): string {
  const type = registerType(dtype);
  const [low, high] = rangeOf(dtype);
  switch (combiner) {
    case "sum":
      return literal(0, type);
    case "prod":
      return literal(1, type);
    case "max":
    case "argmax":
      return literal(low, type);
    case "min":
    case "argmin":
      return literal(high, type);
    case "any":
      return "false";
    case "all":
      return "true";
  }
}

/** The combination of two values, for all but positions. */
export function combined(shader: Shader, combiner: Combiner, dtype: DType, a: string, b: string): string {
  const type = registerType(dtype);
  switch (combiner) {
    case "sum":
      return type === "bool" ? `(${a} || ${b})` : `(${a} + ${b})`;
    case "prod":
      return type === "bool" ? `(${a} && ${b})` : `(${a} * ${b})`;
    case "any":
      return `(${a} || ${b})`;
    case "all":
      return `(${a} && ${b})`;
    case "max":
      if (type === "bool") return `(${a} || ${b})`;
      return type === "f32" ? `${shader.use("maximum_f32")}(${a}, ${b})` : `max(${a}, ${b})`;
    case "min":
      if (type === "bool") return `(${a} && ${b})`;
      return type === "f32" ? `${shader.use("minimum_f32")}(${a}, ${b})` : `min(${a}, ${b})`;
    default:
      throw new Error(`${combiner} has two parts.`);
  }
}

/** Whether (b, at position q) wins against (a, at p): NaN above all, then the value, then the lower position. */
export function wins(
  combiner: Combiner,
  dtype: DType,
  a: string,
  p: string,
  b: string,
  q: string,
): string {
  const type = registerType(dtype);
  let better: string;
  if (type === "f32") {
    const sign = combiner === "argmax" ? ">" : "<";
    better = `(!(${b} == ${b}) && ((${a} == ${a}) || ${q} < ${p})) || ` +
      `((${a} == ${a}) && (${b} ${sign} ${a} || (${b} == ${a} && ${q} < ${p})))`;
  } else if (type === "bool") {
    const greater = combiner === "argmax" ? `(${b} && !${a})` : `(!${b} && ${a})`;
    better = `${greater} || (${b} == ${a} && ${q} < ${p})`;
  } else {
    const sign = combiner === "argmax" ? ">" : "<";
    better = `${b} ${sign} ${a} || (${b} == ${a} && ${q} < ${p})`;
  }
  return `${q} >= 0 && (${p} < 0 || ${better})`;
}

/** The variables of a reduction's state in a shader. */
export interface State {
  readonly value: string;
  /** The position of the best value so far, -1 before the first; for argmax and argmin. */
  readonly position: string | null;
}

export function declareState(shader: Shader, reduction: Reduction): State {
  const value = shader.name("acc");
  shader.line(`var ${value}: ${stateType(reduction)} = ${startValue(reduction)};`);
  if (!isPosition(reduction.combiner)) return { value, position: null };
  const position = shader.name("at");
  shader.line(`var ${position} = -1i;`);
  return { value, position };
}

/** Lets a value (at a position) join a state. */
export function join(
  shader: Shader,
  reduction: Reduction,
  state: State,
  value: string,
  position: string | null,
): void {
  const { combiner, dtype } = reduction;
  if (state.position === null) {
    shader.line(`${state.value} = ${combined(shader, combiner, dtype, state.value, value)};`);
    return;
  }
  const condition = wins(combiner, dtype, state.value, state.position, value, position!);
  shader.line(`if (${condition}) { ${state.value} = ${value}; ${state.position} = ${position}; }`);
}

/** The result of a reduction from its state. */
export function resultOf(state: State): string {
  return state.position ?? state.value;
}
