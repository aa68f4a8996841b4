/** The routines rfft and irfft: transforms of real signals, those of even length through complex ones of half the length. */
import type { Routine } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { Code } from "./code.ts";
import type { Expression, Variable } from "./expression.ts";
import { costOf, memoryOf, type TransformMemory } from "./fft.ts";
import { type Planar, type Roots, writeRoots } from "./fft_roots.ts";
import { emitMatrixRoutine } from "./matrix_routine.ts";
import { procedure } from "./procedure.ts";
import { share } from "./share.ts";

/** Elements of a part of a pass over a signal: a multiple of every vector. */
const PART = 4096;

/** Where the arrays of a pass lie. */
type Addresses = readonly Expression[];

/** `body(kind, i)` for vectors of elements, then for single ones, of a pass whose parts threads may share. */
function sharedPass(
  code: Code,
  shares: boolean,
  { name, count }: { readonly name: string; readonly count: number },
  args: Addresses,
  body: (code: Code, args: Addresses, kind: "real" | "vector", i: Expression) => void,
): void {
  const params = new Array<"int">(args.length + 2).fill("int");
  const work = procedure(code.context, code.dtype, `${name}:${count}`, params, null, (inner, ...given) => {
    const [begin, end] = given.slice(args.length), places = given.slice(0, args.length);
    const i = inner.variable("int", begin.times(PART)), last = inner.variable("int");
    last.set(end.times(PART).least(count));
    for (const kind of ["vector", "real"] as const) {
      const step = kind === "real" ? 1 : inner.lanes;
      inner.while(i.plus(step).le(last), () => {
        body(inner, places, kind, i);
        i.increase(step);
      });
    }
  });
  share(code, shares, { work, args, units: Math.ceil(count / PART), unitCost: PART });
}

/** Even elements to one array, odd ones to another. */
function split(code: Code, shares: boolean, source: Expression, { re, im }: Planar, count: number): void {
  sharedPass(code, shares, { name: "fftSplit", count }, [source, re, im], (c, [from, even, odd], kind, i) => {
    const place = c.at(from, i.times(2));
    if (kind === "real") {
      c.store(c.at(even, i), c.load(place));
      c.store(c.at(odd, i), c.load(place, "real", c.bytes));
      return;
    }
    const a = c.variable("vector", c.load(place, "vector")), b = c.variable("vector");
    const order = Array.from({ length: c.lanes }, (_, k) => 2 * k);
    b.set(c.load(place, "vector", 16));
    c.store(c.at(even, i), c.shuffle(a, b, order));
    c.store(c.at(odd, i), c.shuffle(a, b, order.map((lane) => lane + 1)));
    c.release(a, b);
  });
}

/** The inverse of {@linkcode split}. */
function join(code: Code, shares: boolean, { re, im }: Planar, target: Expression, count: number): void {
  sharedPass(code, shares, { name: "fftJoin", count }, [target, re, im], (c, [to, even, odd], kind, i) => {
    const place = c.at(to, i.times(2)), { lanes } = c;
    if (kind === "real") {
      c.store(place, c.load(c.at(even, i)));
      c.store(place, c.load(c.at(odd, i)), c.bytes);
      return;
    }
    const a = c.variable("vector", c.load(c.at(even, i), "vector"));
    const b = c.variable("vector", c.load(c.at(odd, i), "vector"));
    const order = (from: number) =>
      Array.from({ length: lanes }, (_, k) => from + Math.floor(k / 2) + (k % 2) * lanes);
    c.store(place, c.shuffle(a, b, order(0)));
    c.store(place, c.shuffle(a, b, order(lanes / 2)), 16);
    c.release(a, b);
  });
}

/** Which coefficients make a pair: one, or a vector of them whose mirror images stand in reverse. */
type PairPlace = readonly [
  kind: "real" | "vector",
  k: Expression,
  mirrored: Expression,
  reverse: (x: Expression) => Expression,
];

/** What is done with a pair of coefficients. */
type PairBody = (code: Code, args: Addresses, ...pair: PairPlace) => void;

/** Emits `body` for pairs of coefficients k and half - k, 0 < k <= half / 2: vectors of k (the others reversed), then single ones. */
function mirroredPairs(
  code: Code,
  shares: boolean,
  { name, half }: { readonly name: string; readonly half: number },
  args: Addresses,
  body: PairBody,
): void {
  const { lanes } = code;
  const reversed = Array.from({ length: lanes }, (_, i) => lanes - 1 - i);
  // A vector of k must not meet its mirror image.
  const count = Math.floor((half - 1) / 2);
  sharedPass(code, shares, { name: `${name}:${half}`, count }, args, (c, places, kind, i) => {
    const k = c.variable("int", i.plus(1));
    const mirrored = c.variable("int", c.int(half - (kind === "real" ? 1 : lanes)).minus(i));
    body(c, places, kind, k, mirrored, (x) => {
      if (kind === "real") return x;
      const value = c.variable("vector", x);
      return c.shuffle(value, value, reversed);
    });
    c.release(k, mirrored);
  });
  if (half % 2 === 0 && half > 0) {
    body(code, args, "real", code.int(half / 2), code.int(half / 2), (x) => x);
  }
}

/** Reads the parts of coefficient k, and then those of its mirror image. */
function readPair(
  code: Code,
  [a, b, c, d]: readonly Variable[],
  { re, im }: Planar,
  ...[kind, k, mirrored, reverse]: PairPlace
): void {
  a.set(code.load(code.at(re, k), kind));
  b.set(code.load(code.at(im, k), kind));
  c.set(reverse(code.load(code.at(re, mirrored), kind)));
  d.set(reverse(code.load(code.at(im, mirrored), kind)));
}

/** X_k and X_(h-k) of Z_k and Z_(h-k). */
const splitPair: PairBody = (code, [zRe, zIm, rootsRe, rootsIm, re, im], kind, k, mirrored, reverse) => {
  const names = ["a", "b", "c", "d", "eRe", "eIm", "oRe", "oIm", "w", "v", "tRe", "tIm"];
  const [a, b, c, d, eRe, eIm, oRe, oIm, w, v, tRe, tIm] = names.map(() => code.variable(kind));
  readPair(code, [a, b, c, d], { re: zRe, im: zIm }, kind, k, mirrored, reverse);
  eRe.set(a.plus(c).times(0.5));
  eIm.set(b.minus(d).times(0.5));
  oRe.set(b.plus(d).times(0.5));
  oIm.set(c.minus(a).times(0.5));
  w.set(code.load(code.at(rootsRe, k), kind));
  v.set(code.load(code.at(rootsIm, k), kind));
  tRe.set(oRe.times(w).minus(oIm.times(v)));
  tIm.set(oRe.times(v).plus(oIm.times(w)));
  code.store(code.at(re, k), eRe.plus(tRe));
  code.store(code.at(im, k), eIm.plus(tIm));
  code.store(code.at(re, mirrored), reverse(eRe.minus(tRe)));
  code.store(code.at(im, mirrored), reverse(tIm.minus(eIm)));
  code.release(a, b, c, d, eRe, eIm, oRe, oIm, w, v, tRe, tIm);
};

/** A routine that goes through transforms of some length, with some roots besides (as `extra` of its memory). */
function emitThrough(
  context: ModuleContext,
  kernel: Routine,
  { length, roots }: { readonly length: number; readonly roots?: Roots },
  body: (code: Code, operands: readonly Variable[], memory: TransformMemory) => void,
): KernelFunction {
  const memory = memoryOf(context, kernel, length, roots?.count ?? 0);
  return emitMatrixRoutine(context, kernel, {
    ranks: [1, 1, 1],
    unitCost: costOf(length),
    shares: memory.shares,
    begin(code) {
      memory.transform.prepare(code, memory.tables(code), memory.work(code));
      if (roots) writeRoots(code, memory.extra(code), roots, memory.work(code), memory.shares);
    },
    body: (code, operands) => body(code, operands, memory),
  });
}

/** The same for an even length, by transforms of half of it. */
function halved(length: number): { readonly length: number; readonly roots: Roots } {
  const half = length / 2;
  return { length: half, roots: { n: length, step: 1, count: Math.floor(half / 2) + 1 } };
}

/**
 * Of an even length n = 2 h: the even and odd elements are transformed as one complex signal z of length h. With
 * E = (Z_k + conj Z_(h-k)) / 2, O = -i (Z_k - conj Z_(h-k)) / 2 and T = e^(-2 pi i k / n) O: X_k = E + T, X_(h-k) = conj(E - T).
 */
function emitEvenRfft(context: ModuleContext, kernel: Routine, length: number): KernelFunction {
  const half = length / 2;
  return emitThrough(context, kernel, halved(length), (code, [x, re, im], memory) => {
    const z = memory.signal(code), roots = memory.extra(code);
    split(code, memory.shares, x, z, half);
    const { re: zRe, im: zIm } = memory.transform.run(code, z, memory.work(code), memory.tables(code));
    code.store(re, code.load(zRe).plus(code.load(zIm)));
    code.store(code.at(re, half), code.load(zRe).minus(code.load(zIm)));
    code.store(im, 0);
    code.store(code.at(im, half), 0);
    const args = [zRe, zIm, roots.re, roots.im, re, im];
    mirroredPairs(code, memory.shares, { name: "rfftPairs", half }, args, splitPair);
  });
}

export function emitRfft(context: ModuleContext, kernel: Routine): KernelFunction {
  const shape = kernel.shapes[0];
  const length = shape[shape.length - 1];
  if (length % 2 === 0) return emitEvenRfft(context, kernel, length);
  return emitThrough(context, kernel, { length }, (code, [x, re, im], memory) => {
    const kept = (length + 1) / 2 * memory.bytes;
    const z = memory.signal(code);
    code.copyBytes(z.re, x, length * memory.bytes);
    code.zeroBytes(z.im, length * memory.bytes);
    const result = memory.transform.run(code, z, memory.work(code), memory.tables(code));
    code.copyBytes(re, result.re, kept);
    code.copyBytes(im, result.im, kept);
    code.store(im, 0);
  });
}

/** Z_k and Z_(h-k) of X_k and X_(h-k), twice as large. */
const joinPair: PairBody = (code, [zRe, zIm, rootsRe, rootsIm, re, im], kind, k, mirrored, reverse) => {
  const names = ["a", "b", "c", "d", "eRe", "eIm", "dRe", "dIm", "w", "v", "oRe", "oIm"];
  const [a, b, c, d, eRe, eIm, dRe, dIm, w, v, oRe, oIm] = names.map(() => code.variable(kind));
  readPair(code, [a, b, c, d], { re, im }, kind, k, mirrored, reverse);
  eRe.set(a.plus(c));
  eIm.set(b.minus(d));
  dRe.set(a.minus(c));
  dIm.set(b.plus(d));
  w.set(code.load(code.at(rootsRe, k), kind));
  v.set(code.load(code.at(rootsIm, k), kind));
  // O = conj(w) D; Z_k = E + i O, Z_(h-k) = conj(E) + i conj(O).
  oRe.set(dRe.times(w).plus(dIm.times(v)));
  oIm.set(dIm.times(w).minus(dRe.times(v)));
  code.store(code.at(zRe, k), eRe.minus(oIm));
  code.store(code.at(zIm, k), eIm.plus(oRe));
  code.store(code.at(zRe, mirrored), reverse(eRe.plus(oIm)));
  code.store(code.at(zIm, mirrored), reverse(oRe.minus(eIm)));
  code.release(a, b, c, d, eRe, eIm, dRe, dIm, w, v, oRe, oIm);
};

/** The steps of {@linkcode emitEvenRfft} backwards, without its factors 1 / 2. */
function emitEvenIrfft(context: ModuleContext, kernel: Routine, length: number): KernelFunction {
  const half = length / 2;
  return emitThrough(context, kernel, halved(length), (code, [re, im, x], memory) => {
    const z = memory.signal(code), roots = memory.extra(code);
    const first = code.load(re), last = code.load(code.at(re, half));
    code.store(z.re, first.plus(last));
    code.store(z.im, first.minus(last));
    const args = [z.re, z.im, roots.re, roots.im, re, im];
    mirroredPairs(code, memory.shares, { name: "irfftPairs", half }, args, joinPair);
    const swapped = { re: z.im, im: z.re };
    const result = memory.transform.run(code, swapped, memory.work(code), memory.tables(code));
    join(code, memory.shares, { re: result.im, im: result.re }, x, half);
  });
}

export function emitIrfft(context: ModuleContext, kernel: Routine): KernelFunction {
  const { length } = kernel.options as { length: number };
  if (length % 2 === 0) return emitEvenIrfft(context, kernel, length);
  return emitThrough(context, kernel, { length }, (code, [re, im, x], memory) => {
    const z = memory.signal(code);
    const value = code.variable("real");
    code.store(z.re, code.load(re));
    code.store(z.im, 0);
    code.for(1, (length + 1) / 2, (k) => {
      const mirrored = code.int(length).minus(k);
      value.set(code.load(code.at(re, k)));
      code.store(code.at(z.re, k), value);
      code.store(code.at(z.re, mirrored), value);
      value.set(code.load(code.at(im, k)));
      code.store(code.at(z.im, k), value);
      code.store(code.at(z.im, mirrored), value.negated());
    });
    const swapped = { re: z.im, im: z.re };
    const result = memory.transform.run(code, swapped, memory.work(code), memory.tables(code));
    code.copyBytes(x, result.im, length * memory.bytes);
    code.release(value);
  });
}
