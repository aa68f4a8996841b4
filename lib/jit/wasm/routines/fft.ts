/** The routines fft, rfft and irfft. */
import type { Routine } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { Code } from "./code.ts";
import type { Expression } from "./expression.ts";
import { type Planar, rootsScratch, writeRoots } from "./fft_roots.ts";
import { planarAt, planarBytes, planTransform } from "./fft_transform.ts";
import { emitMatrixRoutine, routineDType } from "./matrix_routine.ts";
import { aligned } from "./substitution.ts";

/** Where the parts of the scratch memory of a transform of `length` begin. */
function memoryOf(context: ModuleContext, kernel: Routine, length: number, extra: number) {
  const dtype = routineDType(kernel);
  const bytes = dtype === "float32" ? 4 : 8;
  const transform = planTransform(context, dtype, length);
  const signal = planarBytes(length, bytes);
  const tablesAt = signal, workAt = tablesAt + transform.tableBytes;
  const extraAt = workAt + Math.max(transform.workBytes, aligned(rootsScratch(extra) + 64));
  context.needScratch(extraAt + planarBytes(extra, bytes) + 64);
  return {
    bytes,
    transform,
    signal: (code: Code): Planar => planarAt(code.scratch(), length, bytes),
    tables: (code: Code): Expression => code.scratch().plus(tablesAt),
    work: (code: Code): Expression => code.scratch().plus(workAt),
    extra: (code: Code): Planar => planarAt(code.scratch().plus(extraAt), extra, bytes),
  };
}

/** Rough number of instructions of a transform. */
function costOf(length: number): number {
  return 6 * length * Math.ceil(Math.log2(length + 1));
}

export function emitFft(context: ModuleContext, kernel: Routine): KernelFunction {
  const shape = kernel.shapes[0];
  const length = shape[shape.length - 1];
  const memory = memoryOf(context, kernel, length, 0);
  const { inverse } = kernel.options as { inverse: boolean };
  return emitMatrixRoutine(context, kernel, {
    ranks: [1, 1, 1, 1],
    unitCost: costOf(length),
    begin: (code) => memory.transform.prepare(code, memory.tables(code), memory.work(code)),
    body(code, operands) {
      // The inverse is the same with the parts exchanged.
      const [re, im, outRe, outIm] = inverse ? [1, 0, 3, 2].map((i) => operands[i]) : operands;
      const x = memory.signal(code), size = length * memory.bytes;
      code.copyBytes(x.re, re, size);
      code.copyBytes(x.im, im, size);
      const result = memory.transform.run(code, x, memory.work(code), memory.tables(code));
      code.copyBytes(outRe, result.re, size);
      code.copyBytes(outIm, result.im, size);
    },
  });
}

/** Even elements to one array, odd ones to another. */
function split(code: Code, source: Expression, even: Expression, odd: Expression, count: number): void {
  const whole = count - count % code.lanes;
  const [a, b] = [code.variable("vector"), code.variable("vector")];
  const order = Array.from({ length: code.lanes }, (_, i) => 2 * i);
  code.for(0, whole, (i) => {
    const place = code.at(source, i.times(2));
    a.set(code.load(place, "vector"));
    b.set(code.load(place, "vector", 16));
    code.store(code.at(even, i), code.shuffle(a, b, order));
    code.store(code.at(odd, i), code.shuffle(a, b, order.map((lane) => lane + 1)));
  }, code.lanes);
  code.for(whole, count, (i) => {
    const place = code.at(source, i.times(2));
    code.store(code.at(even, i), code.load(place));
    code.store(code.at(odd, i), code.load(place, "real", code.bytes));
  });
  code.release(a, b);
}

/** The inverse of {@linkcode split}. */
function join(code: Code, even: Expression, odd: Expression, target: Expression, count: number): void {
  const whole = count - count % code.lanes, { lanes } = code;
  const [a, b] = [code.variable("vector"), code.variable("vector")];
  const order = (from: number) =>
    Array.from({ length: lanes }, (_, i) => from + Math.floor(i / 2) + (i % 2) * lanes);
  code.for(0, whole, (i) => {
    const place = code.at(target, i.times(2));
    a.set(code.load(code.at(even, i), "vector"));
    b.set(code.load(code.at(odd, i), "vector"));
    code.store(place, code.shuffle(a, b, order(0)));
    code.store(place, code.shuffle(a, b, order(lanes / 2)), 16);
  }, lanes);
  code.for(whole, count, (i) => {
    const place = code.at(target, i.times(2));
    code.store(place, code.load(code.at(even, i)));
    code.store(place, code.load(code.at(odd, i)), code.bytes);
  });
  code.release(a, b);
}

/** Emits `body` for pairs of coefficients k and half - k, 0 < k <= half / 2: vectors of k (the others reversed), then single ones. */
function mirroredPairs(
  code: Code,
  half: number,
  body: (
    kind: "real" | "vector",
    k: Expression,
    mirrored: Expression,
    reverse: (x: Expression) => Expression,
  ) => void,
): void {
  const { lanes } = code;
  const count = Math.floor(half / 2);
  // A vector of k must not meet its mirror image.
  const whole = Math.max(0, Math.floor((Math.ceil(half / 2) - 1) / lanes)) * lanes;
  const order = Array.from({ length: lanes }, (_, i) => lanes - 1 - i);
  const k = code.variable("int", 1);
  code.while(k.lt(whole + 1), () => {
    body("vector", k, code.int(half - lanes + 1).minus(k), (x) => {
      const value = code.variable("vector", x);
      return code.shuffle(value, value, order);
    });
    k.increase(lanes);
  });
  code.while(k.le(count), () => {
    body("real", k, code.int(half).minus(k), (x) => x);
    k.increase(1);
  });
  code.release(k);
}

/**
 * Of an even length n = 2 h: the even and odd elements are transformed as one complex signal z of length h. With
 * E = (Z_k + conj Z_(h-k)) / 2, O = -i (Z_k - conj Z_(h-k)) / 2 and T = e^(-2 pi i k / n) O: X_k = E + T, X_(h-k) = conj(E - T).
 */
function emitEvenRfft(context: ModuleContext, kernel: Routine, length: number): KernelFunction {
  const half = length / 2, count = Math.floor(half / 2) + 1;
  const memory = memoryOf(context, kernel, half, count);
  return emitMatrixRoutine(context, kernel, {
    ranks: [1, 1, 1],
    unitCost: costOf(half),
    begin(code) {
      memory.transform.prepare(code, memory.tables(code), memory.work(code));
      writeRoots(code, memory.extra(code), length, 1, count, memory.work(code));
    },
    body(code, [x, re, im]) {
      const z = memory.signal(code), roots = memory.extra(code);
      split(code, x, z.re, z.im, half);
      const { re: zRe, im: zIm } = memory.transform.run(code, z, memory.work(code), memory.tables(code));
      code.store(re, code.load(zRe).plus(code.load(zIm)));
      code.store(code.at(re, half), code.load(zRe).minus(code.load(zIm)));
      code.store(im, 0);
      code.store(code.at(im, half), 0);
      mirroredPairs(code, half, (kind, k, mirrored, reverse) => {
        const names = ["a", "b", "c", "d", "eRe", "eIm", "oRe", "oIm", "w", "v", "tRe", "tIm"];
        const [a, b, c, d, eRe, eIm, oRe, oIm, w, v, tRe, tIm] = names.map(() => code.variable(kind));
        a.set(code.load(code.at(zRe, k), kind));
        b.set(code.load(code.at(zIm, k), kind));
        c.set(reverse(code.load(code.at(zRe, mirrored), kind)));
        d.set(reverse(code.load(code.at(zIm, mirrored), kind)));
        eRe.set(a.plus(c).times(0.5));
        eIm.set(b.minus(d).times(0.5));
        oRe.set(b.plus(d).times(0.5));
        oIm.set(c.minus(a).times(0.5));
        w.set(code.load(code.at(roots.re, k), kind));
        v.set(code.load(code.at(roots.im, k), kind));
        tRe.set(oRe.times(w).minus(oIm.times(v)));
        tIm.set(oRe.times(v).plus(oIm.times(w)));
        code.store(code.at(re, k), eRe.plus(tRe));
        code.store(code.at(im, k), eIm.plus(tIm));
        code.store(code.at(re, mirrored), reverse(eRe.minus(tRe)));
        code.store(code.at(im, mirrored), reverse(tIm.minus(eIm)));
        code.release(a, b, c, d, eRe, eIm, oRe, oIm, w, v, tRe, tIm);
      });
    },
  });
}

export function emitRfft(context: ModuleContext, kernel: Routine): KernelFunction {
  const shape = kernel.shapes[0];
  const length = shape[shape.length - 1];
  if (length % 2 === 0) return emitEvenRfft(context, kernel, length);
  const memory = memoryOf(context, kernel, length, 0);
  const kept = (length + 1) / 2 * memory.bytes;
  return emitMatrixRoutine(context, kernel, {
    ranks: [1, 1, 1],
    unitCost: costOf(length),
    begin: (code) => memory.transform.prepare(code, memory.tables(code), memory.work(code)),
    body(code, [x, re, im]) {
      const z = memory.signal(code);
      code.copyBytes(z.re, x, length * memory.bytes);
      code.zeroBytes(z.im, length * memory.bytes);
      const result = memory.transform.run(code, z, memory.work(code), memory.tables(code));
      code.copyBytes(re, result.re, kept);
      code.copyBytes(im, result.im, kept);
      code.store(im, 0);
    },
  });
}

/** The steps of {@linkcode emitEvenRfft} backwards, without its factors 1 / 2. */
function emitEvenIrfft(context: ModuleContext, kernel: Routine, length: number): KernelFunction {
  const half = length / 2, count = Math.floor(half / 2) + 1;
  const memory = memoryOf(context, kernel, half, count);
  return emitMatrixRoutine(context, kernel, {
    ranks: [1, 1, 1],
    unitCost: costOf(half),
    begin(code) {
      memory.transform.prepare(code, memory.tables(code), memory.work(code));
      writeRoots(code, memory.extra(code), length, 1, count, memory.work(code));
    },
    body(code, [re, im, x]) {
      const z = memory.signal(code), roots = memory.extra(code);
      const first = code.load(re), last = code.load(code.at(re, half));
      code.store(z.re, first.plus(last));
      code.store(z.im, first.minus(last));
      mirroredPairs(code, half, (kind, k, mirrored, reverse) => {
        const names = ["a", "b", "c", "d", "eRe", "eIm", "dRe", "dIm", "w", "v", "oRe", "oIm"];
        const [a, b, c, d, eRe, eIm, dRe, dIm, w, v, oRe, oIm] = names.map(() => code.variable(kind));
        a.set(code.load(code.at(re, k), kind));
        b.set(code.load(code.at(im, k), kind));
        c.set(reverse(code.load(code.at(re, mirrored), kind)));
        d.set(reverse(code.load(code.at(im, mirrored), kind)));
        eRe.set(a.plus(c));
        eIm.set(b.minus(d));
        dRe.set(a.minus(c));
        dIm.set(b.plus(d));
        w.set(code.load(code.at(roots.re, k), kind));
        v.set(code.load(code.at(roots.im, k), kind));
        // O = conj(w) D; Z_k = E + i O, Z_(h-k) = conj(E) + i conj(O).
        oRe.set(dRe.times(w).plus(dIm.times(v)));
        oIm.set(dIm.times(w).minus(dRe.times(v)));
        code.store(code.at(z.re, k), eRe.minus(oIm));
        code.store(code.at(z.im, k), eIm.plus(oRe));
        code.store(code.at(z.re, mirrored), reverse(eRe.plus(oIm)));
        code.store(code.at(z.im, mirrored), reverse(oRe.minus(eIm)));
        code.release(a, b, c, d, eRe, eIm, dRe, dIm, w, v, oRe, oIm);
      });
      const swapped = { re: z.im, im: z.re };
      const result = memory.transform.run(code, swapped, memory.work(code), memory.tables(code));
      join(code, result.im, result.re, x, half);
    },
  });
}

export function emitIrfft(context: ModuleContext, kernel: Routine): KernelFunction {
  const { length } = kernel.options as { length: number };
  if (length % 2 === 0) return emitEvenIrfft(context, kernel, length);
  const memory = memoryOf(context, kernel, length, 0);
  return emitMatrixRoutine(context, kernel, {
    ranks: [1, 1, 1],
    unitCost: costOf(length),
    begin: (code) => memory.transform.prepare(code, memory.tables(code), memory.work(code)),
    body(code, [re, im, x]) {
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
    },
  });
}
