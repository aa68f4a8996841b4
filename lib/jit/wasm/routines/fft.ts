/** The routine fft, and the memory of all Fourier transforms. */
import type { Routine } from "../../kernel/kernel.ts";
import type { KernelFunction, ModuleContext } from "../nest/mod.ts";
import type { Code } from "./code.ts";
import type { Expression } from "./expression.ts";
import { type Planar, rootsScratch } from "./fft_roots.ts";
import { planarAt, planarBytes, planTransform, type Transform } from "./fft_transform.ts";
import { emitMatrixRoutine, routineDType, sharesMatrices } from "./matrix_routine.ts";
import { aligned } from "./substitution.ts";

/** A transform, and the parts of its scratch memory. */
export interface TransformMemory {
  /** Bytes of an element. */
  readonly bytes: number;
  /** Whether threads share each transform. */
  readonly shares: boolean;
  readonly transform: Transform;
  /** A signal of its length. */
  readonly signal: (code: Code) => Planar;
  readonly tables: (code: Code) => Expression;
  readonly work: (code: Code) => Expression;
  /** What is asked for besides: so many complex numbers. */
  readonly extra: (code: Code) => Planar;
}

/** Where the parts of the scratch memory of a transform of `length` begin. */
export function memoryOf(
  context: ModuleContext,
  kernel: Routine,
  length: number,
  extra: number,
): TransformMemory {
  const shares = sharesMatrices(context, kernel, 1, costOf(length));
  const dtype = routineDType(kernel);
  const bytes = dtype === "float32" ? 4 : 8;
  const transform = planTransform(dtype, length, shares);
  const signal = planarBytes(length, bytes);
  const tablesAt = signal, workAt = tablesAt + transform.tableBytes;
  const extraAt = workAt + Math.max(transform.workBytes, aligned(rootsScratch(extra) + 64));
  context.needScratch(extraAt + planarBytes(extra, bytes) + 64);
  return {
    bytes,
    shares,
    transform,
    signal: (code: Code): Planar => planarAt(code.scratch(), length, bytes),
    tables: (code: Code): Expression => code.scratch().plus(tablesAt),
    work: (code: Code): Expression => code.scratch().plus(workAt),
    extra: (code: Code): Planar => planarAt(code.scratch().plus(extraAt), extra, bytes),
  };
}

/** Rough number of nanoseconds of a transform. */
export function costOf(length: number): number {
  return length * Math.ceil(Math.log2(length + 1)) / 2;
}

export function emitFft(context: ModuleContext, kernel: Routine): KernelFunction {
  const shape = kernel.shapes[0];
  const length = shape[shape.length - 1];
  const memory = memoryOf(context, kernel, length, 0);
  const { inverse } = kernel.options as { inverse: boolean };
  return emitMatrixRoutine(context, kernel, {
    ranks: [1, 1, 1, 1],
    unitCost: costOf(length),
    shares: memory.shares,
    begin: (code) => memory.transform.prepare(code, memory.tables(code), memory.work(code)),
    body(code, operands) {
      // The inverse is the same with the parts exchanged.
      const [re, im, outRe, outIm] = inverse ? [1, 0, 3, 2].map((i) => operands[i]) : operands;
      const source = { re, im }, target = { re: outRe, im: outIm };
      memory.transform.copy(
        code,
        source,
        target,
        memory.signal(code),
        memory.work(code),
        memory.tables(code),
      );
    },
  });
}
