/** The memory plan of one list of steps: what shares a place, and where in the arena everything lies. */
import type { Binding, Step } from "../kernel/program.ts";
import type { Kernel, Statement } from "../kernel/kernel.ts";
import { alignBytes, type BufferDraft } from "./draft.ts";

/** Temporaries of one level, and the nested levels whose regions live while one of its steps runs. */
export interface Level {
  readonly steps: readonly Step[];
  readonly temporaries: readonly BufferDraft[];
  /** By step: the levels inside it, which may share one region when only one of them runs at a time. */
  readonly nested: ReadonlyMap<Step, readonly { readonly level: Level; readonly exclusive: boolean }[]>;
  bytes: number;
  /** Offset of everything in this level from the arena, once known. */
  shift(bytes: number): void;
}

/** Calls `visit` for every binding of a step, also inside loops and branches. */
export function forEachBinding(step: Step, visit: (binding: Binding, step: Step) => void): void {
  const stack: Step[] = [step];
  while (stack.length > 0) {
    const current = stack.pop()!;
    switch (current.kind) {
      case "kernel":
        for (const binding of current.bindings) visit(binding, current);
        break;
      case "host":
        for (const binding of [...current.inputs, ...current.outputs]) visit(binding, current);
        break;
      case "switch":
        visit(current.index, current);
        for (const branch of current.branches) stack.push(...branch);
        break;
      case "loop":
        for (const binding of [current.count, current.stop, current.stepNumber, current.taken]) {
          if (binding) visit(binding, current);
        }
        for (const { carry, next } of current.exchange) {
          visit(carry, current);
          visit(next, current);
        }
        for (const tape of current.tapes) visit({ buffer: tape, offset: 0, steps: [] }, current);
        if (current.condition) {
          visit(current.condition.result, current);
          stack.push(...current.condition.steps);
        }
        stack.push(...current.body);
    }
  }
}

export interface Lifetimes {
  readonly first: Map<number, number>;
  readonly last: Map<number, number>;
}

/** First and last step that touch each buffer. */
export function lifetimesOf(steps: readonly Step[]): Lifetimes {
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  steps.forEach((step, i) =>
    forEachBinding(step, ({ buffer }) => {
      if (!first.has(buffer)) first.set(buffer, i);
      last.set(buffer, i);
    })
  );
  return { first, last };
}

function sameIndex(a: Extract<Statement, { kind: "load" }>["index"], b: typeof a): boolean {
  return a.offset === b.offset && a.dynamic.length === 0 && b.dynamic.length === 0 &&
    a.strides.every((stride, i) => stride === b.strides[i]);
}

/**
 * Whether a kernel may write operand `to` into the buffer it reads as operand `from`: every element is read, at the
 * same point, before it is written. Within one point all loads come before all stores.
 */
export function mayOverwrite(kernel: Kernel, from: number, to: number): boolean {
  if (kernel.kind === "copy") return true;
  if (kernel.kind === "contraction") {
    if (kernel.a.operand === from || kernel.b.operand === from) return false;
    // Long sums, and those of a single row or column, are added up in the result before the epilogue reads anything.
    if (kernel.k > 256 || kernel.m === 1 || kernel.n === 1) return false;
    return inPlaceLoads(kernel.epilogue.statements, kernel.epilogue.stores, from, to);
  }
  if (kernel.kind !== "nest") return false;
  if (kernel.operands[to].access !== "write") return false;
  const stores = kernel.stores.filter((s) => s.operand === to);
  if (stores.some((s) => s.pass !== kernel.passes - 1)) return false;
  // A row store overwrites what other columns of the row may still have to read.
  if (stores.some((s) => s.perRow)) return false;
  return inPlaceLoads(kernel.statements, stores, from, to);
}

function inPlaceLoads(
  statements: readonly Statement[],
  stores: readonly { operand: number; index: Extract<Statement, { kind: "load" }>["index"]; mode: string }[],
  from: number,
  to: number,
): boolean {
  const targets = stores.filter((s) => s.operand === to);
  if (targets.length !== 1 || targets[0].mode !== "set") return false;
  const { index } = targets[0];
  return statements.every((s) => s.kind !== "load" || s.operand !== from || sameIndex(s.index, index));
}

/** A place that is wanted from one step to another. */
interface Request {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  settle(offset: number): void;
}

/** Places the temporaries of a level; nested levels first. Sets `offset` of every temporary, relative to the level. */
export function planLevel(level: Level, byId: readonly BufferDraft[]): void {
  const { steps } = level;
  const own = new Set(level.temporaries.map((b) => b.id));
  const { first, last } = lifetimesOf(steps);
  const root = shareBuffers(level, byId, own, first, last);
  const requests: Request[] = [];
  for (const buffer of level.temporaries) {
    const { id } = buffer;
    if (root.get(id) !== id || !first.has(id)) continue;
    requests.push({
      bytes: alignBytes(buffer.bytes),
      first: first.get(id)!,
      last: last.get(id)!,
      settle: (offset) => buffer.offset = offset,
    });
  }
  steps.forEach((step, i) => {
    const inner = level.nested.get(step) ?? [];
    for (const { level: nested } of inner) planLevel(nested, byId);
    const request = (levels: readonly Level[]): void => {
      const bytes = Math.max(0, ...levels.map((nested) => nested.bytes));
      const settle = (offset: number): void => levels.forEach((nested) => nested.shift(offset));
      if (bytes > 0) requests.push({ bytes, first: i, last: i, settle });
    };
    request(inner.filter((n) => n.exclusive).map((n) => n.level));
    for (const { level: nested, exclusive } of inner) if (!exclusive) request([nested]);
  });
  level.bytes = placeRequests(requests, steps.length);
  for (const buffer of level.temporaries) {
    const home = root.get(buffer.id)!;
    if (home !== buffer.id) buffer.offset = byId[home].offset;
  }
}

/** Settles all requests; gives the bytes needed. */
function placeRequests(requests: readonly Request[], steps: number): number {
  const starting: number[][] = Array.from({ length: steps }, () => []);
  const ending: number[][] = Array.from({ length: steps }, () => []);
  let largest = 0;
  requests.forEach(({ bytes, first, last }, k) => {
    starting[first].push(k);
    ending[last].push(k);
    largest = Math.max(largest, bytes);
  });
  const place = (limit: number): { offsets: Float64Array; large: Arena; small: Arena } => {
    const large = new Arena(), small = new Arena();
    const arenaOf = (k: number): Arena => requests[k].bytes > limit ? large : small;
    const offsets = new Float64Array(requests.length);
    for (let i = 0; i < steps; i++) {
      for (const k of starting[i]) offsets[k] = arenaOf(k).allocate(requests[k].bytes);
      for (const k of ending[i]) arenaOf(k).free(offsets[k], requests[k].bytes);
    }
    return { offsets, large, small };
  };
  // Small buffers may break up the places of large ones; apart from these they may need more. The better of both.
  const sizeOf = ({ large, small }: ReturnType<typeof place>): number => large.size + small.size;
  const together = place(0), apart = place(largest / 8);
  const { offsets, large, small } = sizeOf(apart) < sizeOf(together) ? apart : together;
  const limit = sizeOf(apart) < sizeOf(together) ? largest / 8 : 0;
  requests.forEach((request, k) => request.settle(offsets[k] + (request.bytes > limit ? 0 : large.size)));
  return large.size + small.size;
}

/** Lets results lie where an input of the same kernel dies; gives the buffer whose place each temporary has. */
function shareBuffers(
  level: Level,
  byId: readonly BufferDraft[],
  own: ReadonlySet<number>,
  first: Map<number, number>,
  last: Map<number, number>,
): Map<number, number> {
  const root = new Map<number, number>();
  for (const id of own) root.set(id, id);
  level.steps.forEach((step, i) => {
    if (step.kind !== "kernel") return;
    const { kernel, bindings, copies } = step;
    for (let to = 0; to < bindings.length; to++) {
      const target = bindings[to].buffer;
      if (!own.has(target) || kernel.operands[to].access === "read" || first.get(target) !== i) continue;
      if (root.get(target) !== target) continue;
      for (let from = 0; from < bindings.length; from++) {
        const source = bindings[from].buffer;
        if (from === to || source === target || !own.has(source) || kernel.operands[from].access !== "read") {
          continue;
        }
        const home = root.get(source)!;
        if (last.get(home) !== i || byId[home].bytes !== byId[target].bytes) continue;
        if (byId[home].dtype !== byId[target].dtype) continue;
        if (bindings.some((b, k) => k !== from && b.buffer === source)) continue;
        const copying = copies !== undefined && copies[0] === from && copies[1] === to;
        if (!copying && !mayOverwrite(kernel, from, to)) continue;
        root.set(target, home);
        last.set(home, Math.max(last.get(home)!, last.get(target)!));
        break;
      }
    }
  });
  // A chain of results in one place: follow it to its first buffer.
  for (const id of own) {
    let home = root.get(id)!;
    while (root.get(home) !== home) home = root.get(home)!;
    root.set(id, home);
  }
  return root;
}

/** Best-fit allocation of intervals. */
class Arena {
  size = 0;
  /** Free intervals by offset. */
  readonly #free: { offset: number; bytes: number }[] = [];

  allocate(bytes: number): number {
    let best = -1;
    for (let i = 0; i < this.#free.length; i++) {
      const size = this.#free[i].bytes;
      if (size >= bytes && (best < 0 || size < this.#free[best].bytes)) best = i;
      if (size === bytes) break;
    }
    if (best >= 0) {
      const gap = this.#free[best], { offset } = gap;
      if (gap.bytes === bytes) this.#free.splice(best, 1);
      else {
        gap.offset += bytes;
        gap.bytes -= bytes;
      }
      return offset;
    }
    const lastGap = this.#free[this.#free.length - 1];
    if (lastGap && lastGap.offset + lastGap.bytes === this.size) {
      this.#free.pop();
      this.size = lastGap.offset + bytes;
      return lastGap.offset;
    }
    const offset = this.size;
    this.size += bytes;
    return offset;
  }

  free(offset: number, bytes: number): void {
    const gaps = this.#free;
    let low = 0, high = gaps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (gaps[middle].offset < offset) low = middle + 1;
      else high = middle;
    }
    const before = gaps[low - 1], after = gaps[low];
    const joinsBefore = before !== undefined && before.offset + before.bytes === offset;
    const joinsAfter = after !== undefined && offset + bytes === after.offset;
    if (joinsBefore && joinsAfter) {
      before.bytes += bytes + after.bytes;
      gaps.splice(low, 1);
    } else if (joinsBefore) before.bytes += bytes;
    else if (joinsAfter) {
      after.offset = offset;
      after.bytes += bytes;
    } else gaps.splice(low, 0, { offset, bytes });
  }
}
