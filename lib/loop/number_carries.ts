/**
 * Carries that begin as plain numbers. They have no dtype before the body has been traced: the trace shows which one
 * they become, and is then corrected, so that it says what a trace with carries of those dtypes would say. Where that
 * cannot be done node by node (an integer that wraps, a carry that met a tensor of another dtype) the body is traced
 * again.
 */
import { defaultFloat, type DType, isFloat, promote } from "../trace/dtype.ts";
import { Node, type Variable } from "../trace/graph.ts";
import { isIntegral } from "../trace/ops/convert.ts";
import type { Primitive } from "../trace/primitive.ts";
import { type CastParams, castPrimitive } from "../trace/primitives/cast.ts";
import { constantPrimitive } from "../trace/primitives/constant.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import { Tensor } from "../trace/tensor.ts";
import type { Trace } from "../trace/trace.ts";

/** A body that was traced with plain numbers among its carries. */
export interface NumberBody {
  readonly trace: Trace;
  /** Before the loop. */
  readonly initial: readonly Tensor[];
  /** Their inputs in the trace: weak where the initial value is a number. */
  readonly carries: readonly Tensor[];
  readonly next: readonly Tensor[];
}

/** The carries that a number of the body is computed from. */
type Roots = ReadonlyMap<Variable, ReadonlySet<number>>;

const isElementwise: ReadonlySet<unknown> = new Set(Object.values(elementwise));
const select: unknown = elementwise.select;
const cast = castPrimitive as unknown as Primitive;
const constant = constantPrimitive as unknown as Primitive;

function rootsOf({ trace, carries }: NumberBody): Roots {
  const roots = new Map<Variable, ReadonlySet<number>>();
  carries.forEach((carry, i) => {
    if (carry.aval.weak) roots.set(carry.variable!, new Set([i]));
  });
  for (const { inputs, outputs } of trace.nodes) {
    if (!outputs.some((output) => output.aval.weak)) continue;
    const found = inputs.filter((input) => roots.has(input));
    if (found.length === 0) continue;
    const all = found.length === 1
      ? roots.get(found[0])!
      : new Set(found.flatMap((input) => [...roots.get(input)!]));
    for (const output of outputs) roots.set(output, all);
  }
  return roots;
}

/** The dtype of each carry: that of its value after a step; the default float where plain numbers meet each other only. */
function settledTypes({ initial, carries, next }: NumberBody, roots: Roots): DType[] {
  const types: (DType | null)[] = carries.map(({ aval }, i) => {
    if (!aval.weak) return aval.dtype;
    return next[i].aval.weak ? null : next[i].aval.dtype;
  });
  // A carry may become what another one was: a shift register.
  for (let changed = true; changed;) {
    changed = false;
    next.forEach((value, i) => {
      if (types[i] !== null) return;
      const known = [...roots.get(value.variable!) ?? []].flatMap((root) => types[root] ?? []);
      if (known.length === 0) return;
      const met = known.reduce(promote);
      const moved = carries.some((carry) => carry.variable === value.variable);
      types[i] = moved || isFloat(met) || (met !== "bool" && isIntegral(value)) ? met : defaultFloat();
      changed = true;
    });
  }
  return types.map((dtype, i) => {
    if (dtype === null) return defaultFloat();
    const fractional = carries[i].aval.weak && !isFloat(dtype) && dtype !== "bool" && !isIntegral(initial[i]);
    return fractional ? defaultFloat() : dtype;
  });
}

/** The dtype of the carries that a variable is computed from, when they have one in common. */
function commonType(variable: Variable, types: readonly DType[], roots: Roots): DType | null {
  const all = new Set([...roots.get(variable)!].map((root) => types[root]));
  return all.size === 1 ? [...all][0] : null;
}

/** Whether a node with typed operands in the places of numbers is what the user's operation would have made of them. */
function isCorrectable({ primitive, inputs, params }: Node, types: readonly DType[], roots: Roots): boolean {
  const numbers = inputs.filter((input) => roots.has(input));
  if (numbers.length === 0) return true;
  const [dtype, ...others] = numbers.map((input) => commonType(input, types, roots));
  if (dtype === null || others.some((other) => other !== dtype)) return false;
  if (primitive === cast) return (params as CastParams).dtype === dtype;
  return isFloat(dtype) && isElementwise.has(primitive) &&
    inputs.every((input, k) => input.aval.weak || (primitive === select && k === 0));
}

/** A trace whose carries have their dtypes. */
export interface SettledBody {
  readonly carries: readonly Tensor[];
  /** What a tensor of the trace is now. */
  value(tensor: Tensor): Tensor;
}

export interface NumberTypes {
  /** The dtype of every carry. */
  readonly dtypes: readonly DType[];
  /** The corrected trace; null where the body must be traced again with carries of these dtypes. */
  readonly body: SettledBody | null;
}

/** The dtypes of carries that began as numbers, and the trace corrected for them. */
export function settleNumbers(body: NumberBody): NumberTypes {
  const { trace } = body;
  const roots = rootsOf(body);
  const dtypes = settledTypes(body, roots);
  const assigned = [...trace.sharedWrites.values()];
  const correctable = trace.nodes.every((node) => isCorrectable(node, dtypes, roots)) &&
    !assigned.some(({ variable }) => roots.has(variable!));
  return { dtypes, body: correctable ? correct(body, dtypes, roots) : null };
}

function correct({ trace, carries }: NumberBody, dtypes: readonly DType[], roots: Roots): SettledBody {
  const settled = new Map<Variable, Variable>();
  const typed = carries.map((carry, i) => {
    if (!carry.aval.weak) return carry;
    const input = trace.addInput({ shape: [], dtype: dtypes[i] }, carry.variable!.name);
    settled.set(carry.variable!, input.variable!);
    return input;
  });
  const nodes = trace.nodes.splice(0);
  const add = (node: Node): Variable => {
    trace.nodes.push(node);
    return node.outputs[0];
  };
  /** A plain number beside a carry. */
  const convert = (number: Variable, dtype: DType, location: Node["location"]): Variable => {
    const aval = { shape: number.aval.shape, dtype };
    return number.node?.primitive === constant
      ? add(new Node(constant, [], { ...number.node.params, dtype }, [aval], null))
      : add(new Node(cast, [number], { dtype }, [aval], location));
  };
  for (const node of nodes) {
    const { primitive, inputs, params, outputs, location } = node;
    if (!inputs.some((input) => settled.has(input))) {
      trace.nodes.push(node);
      continue;
    }
    const number = inputs.find((input) => roots.has(input));
    if (number !== undefined && primitive === cast) {
      settled.set(outputs[0], settled.get(number)!);
      continue;
    }
    const operands = inputs.map((input) => {
      const known = settled.get(input);
      if (known || number === undefined || !input.aval.weak) return known ?? input;
      return convert(input, settled.get(number)!.aval.dtype, location);
    });
    if (outputs.some((output) => roots.has(output))) {
      const avals = primitive.infer(operands.map(({ aval }) => aval), params);
      settled.set(outputs[0], add(new Node(primitive, operands, params, avals, location)));
    } else {
      const corrected = new Node(primitive, operands, params, [], location, outputs);
      for (const output of outputs) output.node = corrected;
      add(corrected);
    }
  }
  const value = (tensor: Tensor): Tensor => {
    const variable = tensor.owner === trace ? settled.get(tensor.variable!) : undefined;
    return variable ? new Tensor(variable.aval, null, trace, variable) : tensor;
  };
  for (const [shared, tensor] of trace.sharedWrites) trace.sharedWrites.set(shared, value(tensor));
  return { carries: typed, value };
}
