/** Runs programs of the kernel language in plain float64 JS: the truth for the scheduler and for code generators. */
import { castValue, type DType } from "../../../lib/trace/dtype.ts";
import type { HostArray, Primitive } from "../../../lib/trace/primitive.ts";
import { castPrimitive } from "../../../lib/trace/primitives/cast.ts";
import { elementwise } from "../../../lib/trace/primitives/elementwise.ts";
import { bitcastPrimitive } from "../../../lib/trace/primitives/bitcast.ts";
import { threefry2x32 } from "../../../lib/trace/primitives/threefry.ts";
import type { Kernel, Nest, Statement, Store } from "../../../lib/jit/kernel/kernel.ts";
import type { Binding, Program, Step } from "../../../lib/jit/kernel/program.ts";
import { sizeOf } from "../../../lib/trace/shape.ts";

/** A view of a buffer: element i of an operand is data[offset + i]. */
interface View {
  readonly data: number[];
  readonly offset: number;
}

/** Elements of each buffer, which may share a longer array. */
const lengths = new WeakMap<Map<number, number[]>, Map<number, number>>();

export function runProgram(program: Program, inputs: readonly ArrayLike<number>[]): Float64Array[] {
  const memory = new Map<number, number[]>();
  program.buffers.forEach((buffer) => {
    if (buffer.kind === "input") memory.set(buffer.id, Array.from(inputs[buffer.position]));
    else memory.set(buffer.id, buffer.kind === "tape" ? [] : new Array(buffer.length).fill(NaN));
  });
  shareArena(program, memory);
  lengths.set(memory, new Map(program.buffers.map((b) => [b.id, b.length])));
  runSteps(program.steps, memory, new Map());
  return program.outputs.map(({ buffer }) => Float64Array.from(memory.get(buffer)!));
}

/** Temporaries at one offset of the arena share their elements, so that a wrong memory plan shows. */
function shareArena(program: Program, memory: Map<number, number[]>): void {
  const temporaries = program.buffers.filter((b) => b.kind === "temporary");
  const byOffset = new Map<number, number[]>();
  for (const buffer of temporaries) {
    const shared = byOffset.get(buffer.offset);
    if (shared && shared.length >= buffer.length) memory.set(buffer.id, shared);
    else byOffset.set(buffer.offset, memory.get(buffer.id)!);
  }
  // An output over an updated input: one block.
  for (const buffer of program.buffers) {
    if (buffer.kind !== "output" || buffer.reuses < 0) continue;
    const input = program.buffers.find((b) => b.kind === "input" && b.position === buffer.reuses)!;
    memory.set(buffer.id, memory.get(input.id)!);
  }
}

type Positions = Map<number, number>;

function resolve(binding: Binding, memory: Map<number, number[]>, positions: Positions): View {
  let offset = binding.offset;
  for (const { loop, stride } of binding.steps) offset += positions.get(loop)! * stride;
  return { data: memory.get(binding.buffer)!, offset };
}

function runSteps(steps: readonly Step[], memory: Map<number, number[]>, positions: Positions): void {
  for (const step of steps) {
    if (step.kind === "kernel") {
      runKernel(step.kernel, step.bindings.map((b) => resolve(b, memory, positions)));
    } else if (step.kind === "switch") {
      const index = resolve(step.index, memory, positions);
      const branch = Math.max(0, Math.min(step.branches.length - 1, index.data[index.offset]));
      runSteps(step.branches[branch], memory, positions);
    } else if (step.kind === "loop") runLoop(step, memory, positions);
    else throw new Error("Host steps are not interpreted.");
  }
}

function runLoop(
  step: Extract<Step, { kind: "loop" }>,
  memory: Map<number, number[]>,
  positions: Positions,
): void {
  const read = (binding: Binding) => {
    const view = resolve(binding, memory, positions);
    return view.data[view.offset];
  };
  const length = step.count ? Math.max(0, read(step.count)) : step.length < 0 ? Infinity : step.length;
  const bound = step.count && step.length >= 0 ? Math.min(length, step.length) : length;
  let taken = 0;
  while (taken < bound) {
    positions.set(step.loop, step.reverse ? bound - 1 - taken : taken);
    if (step.condition) {
      runSteps(step.condition.steps, memory, positions);
      if (!read(step.condition.result)) break;
    }
    if (step.stepNumber) {
      const view = resolve(step.stepNumber, memory, positions);
      view.data[view.offset] = taken;
    }
    runSteps(step.body, memory, positions);
    taken++;
    const values = step.exchange.map(({ next, carry }) => {
      const from = resolve(next, memory, positions);
      const length = lengths.get(memory)!.get(next.buffer)!;
      return { carry, values: from.data.slice(from.offset, from.offset + length) };
    });
    const stop = step.stop !== null && read(step.stop);
    for (const { carry, values: moved } of values) {
      const to = resolve(carry, memory, positions);
      for (let i = 0; i < moved.length; i++) to.data[to.offset + i] = moved[i];
    }
    if (stop) break;
  }
  if (step.taken) {
    const view = resolve(step.taken, memory, positions);
    view.data[view.offset] = taken;
  }
}

export function runKernel(kernel: Kernel, operands: readonly View[]): void {
  switch (kernel.kind) {
    case "nest":
      return runNest(kernel, operands);
    case "copy":
      for (let i = 0; i < kernel.length; i++) {
        operands[1].data[operands[1].offset + i] = operands[0].data[operands[0].offset + i];
      }
      return;
    case "contraction":
      return runContraction(kernel, operands);
    case "cumulative":
      return runCumulative(kernel, operands);
    default:
      throw new Error(`A ${kernel.kind} kernel is not interpreted.`);
  }
}

function scalar(
  primitive: Primitive,
  dtype: DType,
  args: readonly { value: number; dtype: DType }[],
  params: object,
): number {
  const inputs = args.map((a): HostArray => ({ shape: [], dtype: a.dtype, data: Float64Array.of(a.value) }));
  return primitive.evaluate(inputs, params, [{ shape: [], dtype }])[0].data[0];
}

class Evaluator {
  readonly values = new Map<number, number>();
  readonly pairs = new Map<number, readonly [number, number]>();
  constructor(
    readonly statements: readonly Statement[],
    readonly operands: readonly View[],
    public point: readonly number[],
    readonly reduced: readonly number[],
  ) {}

  value(id: number): number {
    let value = this.values.get(id);
    if (value === undefined) this.values.set(id, value = this.compute(this.statements[id], id));
    return value;
  }

  position(index: Store["index"]): number {
    let position = index.offset;
    index.strides.forEach((stride, axis) => position += stride === 0 ? 0 : stride * this.point[axis]);
    for (const { statement, stride } of index.dynamic) position += this.value(statement) * stride;
    return position;
  }

  compute(s: Statement, _id: number): number {
    switch (s.kind) {
      case "constant":
        return s.value;
      case "coordinate":
        return this.point[s.axis];
      case "load": {
        if (s.mask !== undefined && !this.value(s.mask)) return s.fill!;
        const view = this.operands[s.operand];
        const at = view.offset + this.position(s.index);
        if (at < 0 || at >= view.data.length) {
          throw new Error(`A load out of bounds: ${at} of ${view.data.length}.`);
        }
        return view.data[at];
      }
      case "op": {
        const args = s.args.map((a) => ({ value: this.value(a), dtype: this.statements[a].dtype }));
        return scalar(elementwise[s.op] as Primitive, s.dtype, args, {});
      }
      case "cast":
        return scalar(castPrimitive as Primitive, s.dtype, [{ value: this.value(s.arg), dtype: s.from }], {
          dtype: s.dtype,
        });
      case "bitcast":
        return scalar(bitcastPrimitive as Primitive, s.dtype, [{ value: this.value(s.arg), dtype: s.from }], {
          dtype: s.dtype,
        });
      case "threefry":
        throw new Error("Taken apart by part.");
      case "part": {
        const pair = this.statements[s.of] as Extract<Statement, { kind: "threefry" }>;
        const [k0, k1, c0, c1] = pair.args.map((a) => this.value(a));
        return threefry2x32(k0, k1, c0, c1)[s.index];
      }
      case "reduced":
        return this.reduced[s.reduction];
    }
  }
}

function* points(extents: readonly number[]): Generator<number[]> {
  const point = extents.map(() => 0);
  for (let n = sizeOf(extents); n > 0; n--) {
    yield [...point];
    for (let i = extents.length - 1; i >= 0; i--) {
      if (++point[i] < extents[i]) break;
      point[i] = 0;
    }
  }
}

function put(store: Store, evaluator: Evaluator, dtype: DType): void {
  if (store.mask !== undefined && !evaluator.value(store.mask)) return;
  const view = evaluator.operands[store.operand];
  const at = view.offset + evaluator.position(store.index);
  if (at < 0 || at >= view.data.length) {
    throw new Error(`A store out of bounds: ${at} of ${view.data.length}.`);
  }
  const value = evaluator.value(store.value);
  view.data[at] = store.mode === "add" ? castValue(view.data[at] + value, "float64", dtype) : value;
}

const START: { readonly [c: string]: number } = {
  sum: 0,
  prod: 1,
  max: -Infinity,
  min: Infinity,
  any: 0,
  all: 1,
};

function runNest(kernel: Nest, operands: readonly View[]): void {
  const rows = kernel.domain.slice(0, kernel.rowRank), columns = kernel.domain.slice(kernel.rowRank);
  for (const row of points(rows)) {
    const reduced: number[] = [];
    const best: number[] = [];
    kernel.reductions.forEach((r, i) => {
      const arg = r.combiner.startsWith("arg");
      reduced[i] = arg ? 0 : START[r.combiner];
      best[i] = r.combiner === "argmin" ? Infinity : -Infinity;
      if (arg) reduced[i] = -1;
    });
    for (let pass = 0; pass < kernel.passes; pass++) {
      for (const column of points(columns)) {
        const evaluator = new Evaluator(kernel.statements, operands, [...row, ...column], reduced);
        const next = new Map<number, number>();
        const stores = kernel.stores.filter((s) => s.pass === pass && !s.perRow);
        for (const store of stores) evaluator.value(store.value);
        kernel.reductions.forEach((r, i) => {
          if (r.pass !== pass) return;
          const value = evaluator.value(r.value);
          if (r.combiner === "argmax" || r.combiner === "argmin") {
            const better = reduced[i] < 0 || (best[i] === best[i] &&
              (value !== value || (r.combiner === "argmax" ? value > best[i] : value < best[i])));
            if (better) {
              best[i] = value;
              next.set(i, evaluator.value(r.position!));
            }
          } else next.set(i, combine(r.combiner, reduced[i], value, r.dtype));
        });
        for (const store of stores) put(store, evaluator, kernel.operands[store.operand].dtype);
        for (const [i, value] of next) reduced[i] = value;
      }
      const evaluator = new Evaluator(
        kernel.statements,
        operands,
        [...row, ...columns.map(() => NaN)],
        reduced,
      );
      for (const store of kernel.stores) {
        if (store.pass === pass && store.perRow) put(store, evaluator, kernel.operands[store.operand].dtype);
      }
    }
  }
}

function combine(combiner: string, a: number, b: number, dtype: DType): number {
  switch (combiner) {
    case "sum":
      return dtype.startsWith("float") ? a + b : castValue(a + b, "int32", dtype);
    case "prod":
      return dtype.startsWith("float")
        ? a * b
        : scalar(elementwise.mul as Primitive, dtype, [{ value: a, dtype }, { value: b, dtype }], {});
    case "max":
      return a !== a || b !== b ? NaN : Math.max(a, b);
    case "min":
      return a !== a || b !== b ? NaN : Math.min(a, b);
    case "any":
      return a || b ? 1 : 0;
    default:
      return a && b ? 1 : 0;
  }
}

function runContraction(kernel: Extract<Kernel, { kind: "contraction" }>, operands: readonly View[]): void {
  for (const point of points([...kernel.batch, kernel.m, kernel.n])) {
    const batch = point.slice(0, kernel.batch.length), [i, j] = point.slice(-2);
    let sum = 0;
    const at = (side: typeof kernel.a, free: number, k: number) => {
      const view = operands[side.operand];
      const position = view.offset + side.offset + side.freeStride * free + side.sumStride * k +
        side.batchStrides.reduce((total, stride, axis) => total + stride * batch[axis], 0);
      if (position < 0 || position >= view.data.length) throw new Error("A contraction reads out of bounds.");
      return view.data[position];
    };
    for (let k = 0; k < kernel.k; k++) sum += at(kernel.a, i, k) * at(kernel.b, j, k);
    const evaluator = new Evaluator(kernel.epilogue.statements, operands, point, [sum]);
    for (const store of kernel.epilogue.stores) evaluator.value(store.value);
    for (const store of kernel.epilogue.stores) put(store, evaluator, kernel.operands[store.operand].dtype);
  }
}

function runCumulative(kernel: Extract<Kernel, { kind: "cumulative" }>, [from, to]: readonly View[]): void {
  const { outer, length, inner, reverse, combiner, dtype } = kernel;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let total = NaN;
      for (let n = 0; n < length; n++) {
        const at = (o * length + (reverse ? length - 1 - n : n)) * inner + i;
        const value = from.data[from.offset + at];
        total = n === 0 ? value : combine(combiner, total, value, dtype);
        to.data[to.offset + at] = total;
      }
    }
  }
}
