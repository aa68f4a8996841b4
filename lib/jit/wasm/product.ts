/** Contractions by the generator of matrix products. */
import { byteSize } from "../../trace/dtype.ts";
import type { Contraction, ContractOperand, Store } from "../kernel/kernel.ts";
import type { FunctionBuilder } from "./assembler/mod.ts";
import {
  type BatchAxis,
  type ContractDType,
  type ContractFunction,
  type ContractSpec,
  elements,
  emitBatch,
  emitContract,
} from "./contract/mod.ts";
import type { KernelFunction, ModuleContext } from "./nest/mod.ts";
import { ProductEpilogue } from "./product_epilogue.ts";

/** The function of a contraction, or null when its operands or results are not ones that products work with. */
export function emitProduct(context: ModuleContext, kernel: Contraction): KernelFunction | null {
  const { dtype, batch, m, n, k } = kernel;
  if (!(dtype in elements) || k === 0 || m === 0 || n === 0) return null;
  if (!isPlain(kernel, kernel.a) || !isPlain(kernel, kernel.b)) return null;
  const main = kernel.epilogue.stores.findIndex((store) => isMainStore(kernel, store));
  if (main < 0 || !ProductEpilogue.fits(kernel)) return null;
  const store = kernel.epilogue.stores[main];
  const axes = batch.map((size, i): BatchAxis => ({
    size,
    a: kernel.a.batchStrides[i],
    b: kernel.b.batchStrides[i],
    c: store.index.strides[i],
  })).filter(({ size }) => size > 1);
  const products = batch.reduce((product, size) => product * size, 1);
  const epilogue = ProductEpilogue.isIdentity(kernel) ? null : new ProductEpilogue(context, kernel, main);
  const numbered = epilogue !== null && products > 1;
  const operands = epilogue?.operands ?? [];
  const spec: ContractSpec = {
    dtype: dtype as ContractDType,
    rows: m,
    columns: n,
    depth: k,
    a: { outer: kernel.a.freeStride, depth: kernel.a.sumStride },
    b: { outer: kernel.b.freeStride, depth: kernel.b.sumStride },
    rowStride: m === 1 ? n : store.index.strides[batch.length],
    ...(epilogue === null ? {} : {
      epilogue: (f, place) => epilogue.emit(f, place, numbered),
      extra: new Array<"i32">(operands.length + (numbered ? 1 : 0)).fill("i32"),
    }),
  };
  const product = emitContract(context.module, spec);
  context.needScratch(product.plan.scratchBytes);
  const count = kernel.operands.length;
  const many = products > 1 ? emitBatch(context.module, product, spec, axes, { passNumber: numbered }) : null;
  const f = context.module.addFunction({ params: new Array<"i32">(count + 2).fill("i32"), results: [] });
  const pushOperand = (operand: number, offset: number): void => {
    f.localGet(operand);
    if (offset !== 0) f.i32Const(offset * byteSize(dtype)).i32Add();
  };
  pushOperand(kernel.a.operand, kernel.a.offset);
  pushOperand(kernel.b.operand, kernel.b.offset);
  pushOperand(store.operand, store.index.offset);
  f.globalGet(context.scratchGlobal);
  const split = many === null ? pushTiles(f, spec, product, count) : null;
  if (many !== null) f.localGet(count).localGet(count + 1);
  for (const operand of operands) f.localGet(operand);
  f.call(many === null ? product.index : many.index);
  return {
    index: f.index,
    units: split === null ? products : split,
    // 50 GFLOP/s.
    unitCost: 0.04 * m * n * k / (split ?? 1),
    splittable: true,
    ...(split === null ? {} : { chunks: 4 }),
  };
}

/** Pushes the range of rows and columns for a range of tiles along the longer side; gives the number of tiles. */
function pushTiles(f: FunctionBuilder, spec: ContractSpec, product: ContractFunction, begin: number): number {
  const { rowTile, columnTile } = product.plan;
  const rowTiles = Math.ceil(spec.rows / rowTile), columnTiles = Math.ceil(spec.columns / columnTile);
  // Along columns each thread packs its own part of B; along rows all of them would pack the whole.
  const alongColumns = columnTiles >= rowTiles || columnTiles >= 16;
  const push = (tile: number, size: number): void => {
    const end = f.local("i32");
    f.localGet(begin).i32Const(tile).i32Mul();
    f.localGet(begin + 1).i32Const(tile).i32Mul().localTee(end);
    f.i32Const(size).localGet(end).i32Const(size).i32LtU().select();
    f.release(end);
  };
  if (alongColumns) {
    f.i32Const(0).i32Const(spec.rows);
    push(columnTile, spec.columns);
    return columnTiles;
  }
  push(rowTile, spec.rows);
  f.i32Const(0).i32Const(spec.columns);
  return rowTiles;
}

function isPlain(kernel: Contraction, side: ContractOperand): boolean {
  return kernel.operands[side.operand].dtype === kernel.dtype && side.dynamic.length === 0 &&
    side.prologue.length <= 1;
}

/** A store that a product can write its rows to. */
function isMainStore(kernel: Contraction, store: Store): boolean {
  const { strides, dynamic } = store.index;
  return store.mode === "set" && store.mask === undefined && dynamic.length === 0 &&
    kernel.operands[store.operand].dtype === kernel.dtype &&
    (kernel.n === 1 || strides[strides.length - 1] === 1) &&
    (kernel.m === 1 || strides[strides.length - 2] > 0);
}
