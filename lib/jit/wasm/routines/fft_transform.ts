/** Complex transforms of a known length: by stages, or by convolution for lengths with large prime factors. */
import type { Code, RoutineDType } from "./code.ts";
import type { Expression } from "./expression.ts";
import { complexProduct, RADICES } from "./fft_butterfly.ts";
import { type Planar, rootsScratch, writeRoots } from "./fft_roots.ts";
import { runStage, type Stage, stagesOf } from "./fft_stages.ts";
import { aligned } from "./substitution.ts";

/** A transform that can be emitted. Sizes are in bytes of scratch memory. */
export interface Transform {
  readonly length: number;
  /** Tables that `prepare` fills once per call of the routine. */
  readonly tableBytes: number;
  /** Needed by each transform besides x. */
  readonly workBytes: number;
  prepare(code: Code, tables: Expression, work: Expression): void;
  /** Transforms x, which is destroyed; gives the place of the result: x or a part of the work memory. */
  run(code: Code, x: Planar, work: Expression, tables: Expression): Planar;
  /** Transforms `source` into `target`, which may be the same place, with x as further memory. */
  copy(code: Code, source: Planar, target: Planar, x: Planar, work: Expression, tables: Expression): void;
}

/** Room for a planar array, with some left for stores of whole vectors. */
export function planarBytes(length: number, bytes: number): number {
  return 2 * aligned(length * bytes + 16);
}

/** The two parts of a planar array at an address. */
export function planarAt(address: Expression, length: number, bytes: number): Planar {
  return { re: address, im: address.plus(aligned(length * bytes + 16)) };
}

/** A transform of so many elements, the work of which threads share where `shares`. */
export function planTransform(dtype: RoutineDType, length: number, shares: boolean): Transform {
  const stages = stagesOf(length, RADICES);
  return stages === null
    ? convolutionTransform(dtype, length, shares)
    : stagedTransform(dtype, length, stages, shares);
}

function stagedTransform(
  dtype: RoutineDType,
  length: number,
  stages: readonly Stage[],
  shares: boolean,
): Transform {
  const bytes = dtype === "float32" ? 4 : 8;
  const whole = planarBytes(length, bytes);
  const quarters = stages.length > 0 && stages[0].radix === 4;
  // The first stage of radix 4 has its three kinds of roots one after the other; all strides behind it are multiples of 4.
  const rootStep = quarters ? 4 : 1,
    rootCount = length / rootStep,
    rootsBytes = planarBytes(rootCount, bytes);
  const firstCount = quarters ? stages[0].distance : 0;
  const stage = (code: Code, tables: Expression, number: number, from: Planar, to: Planar): void => {
    const first = number === 0 && quarters;
    const roots = first
      ? planarAt(tables.plus(rootsBytes), 3 * firstCount, bytes)
      : planarAt(tables, rootCount, bytes);
    runStage(code, stages[number], first, shares, { from, to, roots, rootStep });
  };
  return {
    length,
    tableBytes: rootsBytes + (quarters ? planarBytes(3 * firstCount, bytes) : 0),
    workBytes: Math.max(whole, aligned(rootsScratch(length) + 64)),
    prepare(code, tables, work) {
      if (stages.length > (quarters ? 1 : 0)) {
        writeRoots(
          code,
          planarAt(tables, rootCount, bytes),
          { n: length, step: rootStep, count: rootCount },
          work,
          shares,
        );
      }
      if (!quarters) return;
      const { re, im } = planarAt(tables.plus(rootsBytes), 3 * firstCount, bytes);
      for (let k = 0; k < 3; k++) {
        const target = { re: re.plus(k * firstCount * bytes), im: im.plus(k * firstCount * bytes) };
        writeRoots(code, target, { n: length, step: k + 1, count: firstCount }, work, shares);
      }
    },
    run(code, x, work, tables) {
      const places = [x, planarAt(work, length, bytes)];
      stages.forEach((_, i) => stage(code, tables, i, places[i % 2], places[(i + 1) % 2]));
      return places[stages.length % 2];
    },
    copy(code, source, target, x, work, tables) {
      const last = stages.length - 1;
      if (last < 1) {
        copyPlanar(code, x, source, length);
        copyPlanar(code, target, this.run(code, x, work, tables), length);
        return;
      }
      const places = [x, planarAt(work, length, bytes)];
      stages.forEach((_, i) => {
        const from = i === 0 ? source : places[i % 2], to = i === last ? target : places[(i + 1) % 2];
        stage(code, tables, i, from, to);
      });
    },
  };
}

function copyPlanar(code: Code, target: Planar, source: Planar, length: number): void {
  code.copyBytes(target.re, source.re, length * code.bytes);
  code.copyBytes(target.im, source.im, length * code.bytes);
}

/** The least length of stages that holds a convolution. */
function convolutionLength(least: number): number {
  const power = 2 ** Math.ceil(Math.log2(least));
  return [power * 5 / 8, power * 3 / 4, power].find((size) => size >= least && Number.isInteger(size))!;
}

/**
 * Bluestein's algorithm (1970): with c_j = e^(-pi i j^2 / n), X_k = c_k sum_j (x_j c_j) conj(c_(k - j)), a convolution, which
 * longer transforms compute.
 */
function convolutionTransform(dtype: RoutineDType, length: number, shares: boolean): Transform {
  const bytes = dtype === "float32" ? 4 : 8;
  const size = convolutionLength(2 * length - 1);
  const inner = planTransform(dtype, size, shares);
  const roots = planarBytes(2 * length, bytes), chirp = planarBytes(length, bytes);
  const long = planarBytes(size, bytes);
  const spectrumAt = chirp, innerAt = spectrumAt + long;
  const swap = ({ re, im }: Planar): Planar => ({ re: im, im: re });
  return {
    length,
    tableBytes: innerAt + inner.tableBytes,
    workBytes: long + Math.max(inner.workBytes, roots + rootsScratch(2 * length) + 64),
    prepare(code, tables, work) {
      inner.prepare(code, tables.plus(innerAt), work);
      const table = planarAt(work.plus(long), 2 * length, bytes);
      writeRoots(code, table, { n: 2 * length, step: 1, count: 2 * length }, work.plus(long + roots), shares);
      const c = planarAt(tables, length, bytes), b = planarAt(work, size, bytes);
      code.zeroBytes(work, long);
      // j^2 modulo 2 n, by odd numbers.
      const index = code.variable("int", 0), odd = code.variable("int", 1);
      const re = code.variable("real"), im = code.variable("real");
      code.for(0, length, (j) => {
        re.set(code.load(code.at(table.re, index)));
        im.set(code.load(code.at(table.im, index)));
        code.store(code.at(c.re, j), re);
        code.store(code.at(c.im, j), im);
        const mirrored = code.choose(j.eq(0), 0, code.int(size).minus(j));
        for (const place of [j, mirrored]) {
          code.store(code.at(b.re, place), re);
          code.store(code.at(b.im, place), im.negated());
        }
        index.set(index.plus(odd).remainder(2 * length));
        odd.increase(2);
      });
      const spectrum = planarAt(tables.plus(spectrumAt), size, bytes);
      const result = inner.run(code, b, work.plus(long), tables.plus(innerAt));
      code.copyBytes(spectrum.re, result.re, size * bytes);
      code.copyBytes(spectrum.im, result.im, size * bytes);
      code.release(index, odd, re, im);
    },
    run(code, x, work, tables) {
      const c = planarAt(tables, length, bytes), spectrum = planarAt(tables.plus(spectrumAt), size, bytes);
      const a = planarAt(work, size, bytes);
      code.zeroBytes(work, long);
      multiply(code, x, c, a, length, 1);
      const forward = inner.run(code, a, work.plus(long), tables.plus(innerAt));
      multiply(code, forward, spectrum, forward, size, 1);
      // The inverse transform is the forward one with the parts exchanged.
      const other = forward === a ? work.plus(long) : work;
      const back = swap(inner.run(code, swap(forward), other, tables.plus(innerAt)));
      multiply(code, back, c, x, length, 1 / size);
      return x;
    },
    copy(code, source, target, x, work, tables) {
      copyPlanar(code, x, source, length);
      copyPlanar(code, target, this.run(code, x, work, tables), length);
    },
  };
}

/** target = factor * x * y, complex, element by element. */
function multiply(code: Code, x: Planar, y: Planar, target: Planar, length: number, factor: number): void {
  const stretch = (kind: "real" | "vector", from: number, to: number, step: number): void => {
    const [a, b, c, d] = Array.from({ length: 4 }, () => code.variable(kind));
    code.for(from, to, (i) => {
      a.set(code.load(code.at(x.re, i), kind));
      b.set(code.load(code.at(x.im, i), kind));
      c.set(code.load(code.at(y.re, i), kind));
      d.set(code.load(code.at(y.im, i), kind));
      const [re, im] = complexProduct([a, b], [c, d]);
      code.store(code.at(target.re, i), factor === 1 ? re : re.times(factor));
      code.store(code.at(target.im, i), factor === 1 ? im : im.times(factor));
    }, step);
    code.release(a, b, c, d);
  };
  const even = length - length % code.lanes;
  stretch("vector", 0, even, code.lanes);
  stretch("real", even, length, 1);
}
