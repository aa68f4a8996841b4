/**
 * Products of few results and long sums (inner products, x^T x of many observations) in parts along the summed index,
 * which threads share, and a nest that adds up what the parts gave. How a product is cut depends on its sizes alone,
 * so that the results have the same bits on any number of threads.
 */
import { byteSize } from "../../trace/dtype.ts";
import { stridesOf } from "../../trace/shape.ts";
import { contractionNest } from "../kernel/contraction_nest.ts";
import type { Contraction, ContractOperand, Nest, Operand } from "../kernel/kernel.ts";
import { placedStatement, placedStore, type Placement } from "../kernel/statements.ts";
import { emitNest, emitPartialReduction, type KernelFunction, type ModuleContext } from "./nest/mod.ts";
import { emitProduct } from "./product.ts";

/** Products with more results are cut along these. */
const MOST_RESULTS = 256;
/** Multiplications of a part at least, terms of its sums at least, and how many parts there are at most. */
const PART_WORK = 1_000_000;
const PART_DEPTH = 2048;
const MOST_PARTS = 32;

/** Terms of a part; 0 where a product is not cut. */
function depthOfPart({ batch, m, n, k }: Contraction): number {
  if (batch.some((size) => size !== 1) || m * n > MOST_RESULTS) return 0;
  const parts = Math.min(MOST_PARTS, Math.floor(m * n * k / PART_WORK), Math.floor(k / PART_DEPTH));
  return parts < 2 ? 0 : Math.ceil(k / parts / 64) * 64;
}

/** Whether {@linkcode emitDeepProduct} cuts a contraction. */
export function isDeep(kernel: Contraction): boolean {
  return kernel.m * kernel.n === 1 || depthOfPart(kernel) > 0;
}

/** The function of a deep product, or null for other contractions. */
export function emitDeepProduct(context: ModuleContext, kernel: Contraction): KernelFunction | null {
  if (kernel.m * kernel.n === 1) return emitPartialReduction(context, contractionNest(kernel));
  const size = depthOfPart(kernel);
  if (size === 0) return null;
  const { k, m, n, operands, dtype } = kernel;
  const count = Math.floor(k / size), left = k - count * size;
  const parts = emitProduct(context, partsOf(kernel, { first: 0, count, size, step: size }));
  if (parts === null || parts.units !== count) return null;
  const rest = left === 0
    ? null
    : emitProduct(context, partsOf(kernel, { first: count, count: 1, size: left, step: size }));
  if (left > 0 && rest === null) return null;
  const total = emitNest(context, totalOf(kernel, count + (left > 0 ? 1 : 0)));
  const params = new Array<"i32">(operands.length + 3).fill("i32");
  const [begin, end] = [operands.length + 1, operands.length + 2];
  const f = context.module.addFunction({ params, results: [] });
  const pointers = (g: typeof f): typeof f => {
    for (let i = 0; i <= operands.length; i++) g.localGet(i);
    return g;
  };
  pointers(f);
  for (const bound of [begin, end]) {
    f.localGet(bound).i32Const(count).localGet(bound).i32Const(count).i32LtU().select();
  }
  f.call(parts.index);
  if (rest !== null) {
    f.localGet(end).i32Const(count).i32GtU().if();
    pointers(f).i32Const(0).i32Const(rest.units).call(rest.index).end();
  }
  const finish = context.module.addFunction({ params, results: [] });
  pointers(finish).i32Const(0).i32Const(total.units).call(total.index);
  const temporaryBytes = (count + 1) * m * n * byteSize(dtype);
  return {
    index: f.index,
    units: count + (rest === null ? 0 : 1),
    unitCost: parts.unitCost,
    splittable: true,
    finish: { index: finish.index, temporaryBytes },
  };
}

function withTemporary(kernel: Contraction, access: "read" | "write"): Operand[] {
  return [...kernel.operands, { dtype: kernel.dtype, access }];
}

/** Which parts: `count` of them from the number `first` on, of `size` terms each, `step` terms apart. */
interface Parts {
  readonly first: number;
  readonly count: number;
  readonly size: number;
  readonly step: number;
}

/** Some parts as a batch of products, whose results go to the temporary [parts, m, n]. */
function partsOf(kernel: Contraction, { first, count, size, step }: Parts): Contraction {
  const { m, n, dtype, operands } = kernel;
  const side = (operand: ContractOperand): ContractOperand => ({
    ...operand,
    offset: operand.offset + first * step * operand.sumStride,
    batchStrides: [step * operand.sumStride],
  });
  const strides = stridesOf([count, m, n]);
  return {
    ...kernel,
    batch: [count],
    k: size,
    operands: withTemporary(kernel, "write"),
    a: side(kernel.a),
    b: side(kernel.b),
    epilogue: {
      statements: [{ kind: "reduced", dtype, reduction: 0 }],
      stores: [{
        operand: operands.length,
        index: { offset: first * m * n, strides, dynamic: [] },
        value: 0,
        mode: "set",
        perRow: false,
        pass: 0,
      }],
    },
  };
}

/** Adds up the parts, over [...batch, m, n, parts], and does what follows the product. */
function totalOf(kernel: Contraction, count: number): Nest {
  const { batch, m, n, dtype, operands, epilogue } = kernel;
  const placement: Placement = {
    place: (statement) => statement + 1,
    move: (index) => ({ ...index, strides: [...index.strides, 0] }),
  };
  const strides = [...batch.map(() => 0), n, 1, m * n];
  return {
    kind: "nest",
    domain: [...batch, m, n, count],
    rowRank: batch.length + 2,
    operands: withTemporary(kernel, "read"),
    statements: [
      { kind: "load", dtype, operand: operands.length, index: { offset: 0, strides, dynamic: [] } },
      ...epilogue.statements.map((s) => placedStatement(s, placement)),
    ],
    reductions: [{ combiner: "sum", value: 0, dtype, pass: 0 }],
    stores: epilogue.stores.map((store) => ({ ...placedStore(store, placement), perRow: true, pass: 0 })),
    passes: 1,
  };
}
