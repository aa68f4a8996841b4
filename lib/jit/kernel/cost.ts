/** What a kernel has to do: arithmetic operations and bytes that go to and from memory, counted from its description. */
import { byteSize } from "../../trace/dtype.ts";
import type { ContractOperand, Epilogue, Index, Kernel, Nest, Operand } from "./kernel.ts";

/** Work of one run of a kernel. */
export interface KernelCost {
  /** Arithmetic operations: an exponential counts as one, a multiplication with an addition as two. */
  readonly flop: number;
  /** Bytes read and written at least, each place once. */
  readonly bytes: number;
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((a, b) => a * b, 1);
}

/** Places that an index visits: the extents of the axes that it moves along. */
function touched(index: Index, domain: readonly number[]): number {
  if (index.dynamic.length > 0) return product(domain);
  return domain.reduce((count, extent, axis) => index.strides[axis] ? count * extent : count, 1);
}

function nestCost(nest: Nest): KernelCost {
  const points = product(nest.domain);
  const most = new Array<number>(nest.operands.length).fill(0);
  let flop = nest.reductions.length * points;
  for (const statement of nest.statements) {
    if (statement.kind === "op") flop += points;
    else if (statement.kind === "threefry") flop += 110 * points;
    else if (statement.kind === "load") {
      most[statement.operand] = Math.max(most[statement.operand], touched(statement.index, nest.domain));
    }
  }
  for (const store of nest.stores) {
    most[store.operand] = Math.max(most[store.operand], touched(store.index, nest.domain));
  }
  return { flop, bytes: most.reduce((sum, count, i) => sum + count * byteSize(nest.operands[i].dtype), 0) };
}

function sizes(operands: readonly Operand[], counts: readonly number[]): number {
  return operands.reduce((sum, { dtype }, i) => sum + byteSize(dtype) * (counts[i] ?? 0), 0);
}

function contractCost(kernel: Extract<Kernel, { kind: "contraction" }>): KernelCost {
  const { batch, m, n, k, operands, epilogue } = kernel;
  const outer = product(batch), domain = [...batch, m, n];
  const most = new Array<number>(operands.length).fill(0);
  const read = ({ operand, batchStrides }: ContractOperand, count: number): void => {
    most[operand] = count * batch.reduce((total, extent, i) => batchStrides[i] ? total * extent : total, 1);
  };
  read(kernel.a, m * k);
  read(kernel.b, k * n);
  return { flop: 2 * outer * m * n * k + epilogueWork(epilogue, domain, most), bytes: sizes(operands, most) };
}

function convolutionCost(kernel: Extract<Kernel, { kind: "convolution" }>): KernelCost {
  const { inputShape, kernelShape, outputShape, operands, epilogue } = kernel;
  const domain = [outputShape[0], outputShape[1], product(outputShape.slice(2))];
  const most = new Array<number>(operands.length).fill(0);
  most[kernel.input] = product(inputShape);
  most[kernel.filters] = Math.max(most[kernel.filters], product(kernelShape));
  const flop = 2 * product(outputShape) * product(kernelShape.slice(1));
  return { flop: flop + epilogueWork(epilogue, domain, most), bytes: sizes(operands, most) };
}

/** The arithmetic of an epilogue; notes how much of each operand it touches. */
function epilogueWork(epilogue: Epilogue, domain: readonly number[], most: number[]): number {
  const note = (operand: number, index: Index): void => {
    most[operand] = Math.max(most[operand], touched(index, domain));
  };
  let flop = 0;
  for (const statement of epilogue.statements) {
    if (statement.kind === "op") flop += product(domain);
    else if (statement.kind === "load") note(statement.operand, statement.index);
  }
  for (const store of epilogue.stores) note(store.operand, store.index);
  return flop;
}

/** The work of one run. Sorting and decompositions count no arithmetic, as it depends on the data. */
export function kernelCost(kernel: Kernel): KernelCost {
  switch (kernel.kind) {
    case "nest":
      return nestCost(kernel);
    case "contraction":
      return contractCost(kernel);
    case "convolution":
      return convolutionCost(kernel);
    case "cumulative": {
      const count = kernel.outer * kernel.length * kernel.inner;
      return { flop: count, bytes: sizes(kernel.operands, [count, count]) };
    }
    case "copy":
      return { flop: 0, bytes: sizes(kernel.operands, [kernel.length, kernel.length]) };
    case "sort": {
      const count = kernel.rows * kernel.length;
      return { flop: 0, bytes: sizes(kernel.operands, kernel.operands.map(() => count)) };
    }
    case "topk": {
      const { rows, length, count, operands } = kernel;
      return { flop: 0, bytes: sizes(operands, [rows * length, rows * count, rows * count]) };
    }
    case "routine":
      return { flop: 0, bytes: sizes(kernel.operands, kernel.shapes.map(product)) };
    case "shader":
      return { flop: 0, bytes: sizes(kernel.operands, kernel.lengths) };
  }
}
