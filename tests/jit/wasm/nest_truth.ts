/** What a nest means, point by point in float64: the truth that generated code is compared with. */
import { castValue, type DType, isFloat, rangeOf, sumDType } from "../../../lib/trace/dtype.ts";
import { elementwise } from "../../../lib/trace/primitives/elementwise.ts";
import type { ScalarOp } from "../../../lib/trace/scalar_op.ts";
import type { Index, Nest } from "../../../lib/jit/kernel/kernel.ts";

/** Evaluates one scalar operation as its primitive does. */
export function scalarTruth(
  op: ScalarOp,
  dtype: DType,
  args: readonly number[],
  argTypes: readonly DType[],
): number {
  const inputs = args.map((value, i) => ({ shape: [], dtype: argTypes[i], data: Float64Array.of(value) }));
  return elementwise[op].evaluate(inputs, {}, [{ shape: [], dtype }])[0].data[0];
}

/** Runs a nest on arrays of numbers, one per operand, which it changes. */
export function runNest(nest: Nest, operands: readonly { [i: number]: number }[]): void {
  const { domain, rowRank, reductions, stores } = nest;
  const rows = domain.slice(0, rowRank), columns = domain.slice(rowRank);
  eachPoint(rows, (row) => {
    const results: number[] = [];
    for (let pass = 0; pass < Math.max(1, nest.passes); pass++) {
      const running = reductions.map((r) => ({
        value: start(r.combiner, r.dtype),
        position: 0,
        first: true,
      }));
      eachPoint(columns, (column) => {
        const point = [...row, ...column];
        const value = evaluator(nest, operands, point, results);
        reductions.forEach((r, i) => {
          if (r.pass === pass) {
            step(
              r.combiner,
              r.dtype,
              running[i],
              value(r.value),
              r.position === undefined ? 0 : value(r.position),
            );
          }
        });
        for (const store of stores) {
          if (store.pass !== pass || store.perRow) continue;
          write(nest, operands, store, point, value);
        }
      });
      reductions.forEach((r, i) => {
        if (r.pass !== pass) return;
        const isArg = r.combiner === "argmax" || r.combiner === "argmin";
        results[i] = isArg ? running[i].position : castValue(running[i].value, r.dtype, r.dtype);
      });
      const point = [...row, ...columns.map(() => 0)];
      for (const store of stores) {
        if (store.pass === pass && store.perRow) {
          write(nest, operands, store, point, evaluator(nest, operands, point, results));
        }
      }
    }
  });
}

function eachPoint(domain: readonly number[], visit: (point: number[]) => void): void {
  const total = domain.reduce((a, b) => a * b, 1);
  for (let linear = 0; linear < total; linear++) {
    const point = new Array<number>(domain.length);
    let rest = linear;
    for (let d = domain.length - 1; d >= 0; d--) {
      point[d] = rest % domain[d];
      rest = Math.floor(rest / domain[d]);
    }
    visit(point);
  }
}

function start(combiner: string, dtype: DType): number {
  if (combiner === "prod" || combiner === "all") return 1;
  const float = isFloat(dtype);
  if (combiner === "max" || combiner === "argmax") return float ? -Infinity : rangeOf(dtype)[0];
  if (combiner === "min" || combiner === "argmin") return float ? Infinity : rangeOf(dtype)[1];
  return 0;
}

interface Running {
  value: number;
  position: number;
  first: boolean;
}

function step(combiner: string, dtype: DType, state: Running, x: number, position: number): void {
  switch (combiner) {
    case "sum":
      state.value = isFloat(dtype) ? state.value + x : castValue(state.value + x, dtype, dtype);
      break;
    case "prod":
      state.value = isFloat(dtype) ? state.value * x : castValue(Math.imul(state.value, x), dtype, dtype);
      break;
    case "any":
      state.value ||= x;
      break;
    case "all":
      state.value &&= x;
      break;
    case "max":
      state.value = Math.max(state.value, x);
      break;
    case "min":
      state.value = Math.min(state.value, x);
      break;
    default: {
      const better = combiner === "argmax" ? x > state.value : x < state.value;
      if (state.first || better || (x !== x && state.value === state.value)) {
        state.value = x;
        state.position = position;
      }
    }
  }
  state.first = false;
}

function address(index: Index, point: readonly number[], value: (statement: number) => number): number {
  let at = index.offset;
  index.strides.forEach((stride, axis) => at += stride * point[axis]);
  for (const { statement, stride } of index.dynamic) at += stride * value(statement);
  return at;
}

function write(
  nest: Nest,
  operands: readonly { [i: number]: number }[],
  store: Nest["stores"][number],
  point: readonly number[],
  value: (statement: number) => number,
): void {
  if (store.mask !== undefined && value(store.mask) === 0) return;
  const at = address(store.index, point, value);
  const dtype = nest.operands[store.operand].dtype;
  const target = operands[store.operand];
  const written = store.mode === "add" ? target[at] + value(store.value) : value(store.value);
  target[at] = castValue(written, sumDType(dtype) === dtype ? dtype : "int32", dtype);
}

/** Values of the statements at one point, each computed when asked for. */
function evaluator(
  nest: Nest,
  operands: readonly { [i: number]: number }[],
  point: readonly number[],
  results: readonly number[],
): (statement: number) => number {
  const known = new Map<number, number>();
  const value = (i: number): number => {
    let result = known.get(i);
    if (result === undefined) known.set(i, result = compute(i));
    return result;
  };
  const compute = (i: number): number => {
    const s = nest.statements[i];
    switch (s.kind) {
      case "constant":
        return castValue(s.value, "float64", s.dtype);
      case "coordinate":
        return point[s.axis];
      case "load":
        if (s.mask !== undefined && value(s.mask) === 0) return s.fill ?? 0;
        return operands[s.operand][address(s.index, point, value)];
      case "op":
        return scalarTruth(s.op, s.dtype, s.args.map(value), s.args.map((arg) => nest.statements[arg].dtype));
      case "cast":
        return castValue(value(s.arg), s.from, s.dtype);
      case "reduced":
        return results[s.reduction];
      default:
        throw new Error(`${s.kind} is not part of this truth.`);
    }
  };
  return value;
}
