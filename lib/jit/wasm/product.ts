/** Contractions by the generator of matrix products. */
import { byteSize } from "../../trace/dtype.ts";
import type { Contraction, ContractOperand, Store } from "../kernel/kernel.ts";
import type { FunctionBuilder } from "./assembler/mod.ts";
import {
  type BatchAxis,
  type ContractDType,
  type ContractFunction,
  type ContractPlan,
  type ContractSpec,
  elements,
  emitBatch,
  emitContract,
  type PanelOperand,
  panelSizes,
  planContract,
} from "./contract/mod.ts";
import type { KernelFunction, ModuleContext } from "./nest/mod.ts";
import { ProductEpilogue } from "./product_epilogue.ts";

/** How a contraction is a series of products. */
interface Products {
  readonly spec: ContractSpec;
  /** The number of the store that takes the products' results. */
  readonly main: number;
  readonly axes: readonly BatchAxis[];
  readonly count: number;
}

/** The products of a contraction, or null when its operands or results are not ones that products work with. */
function productsOf(kernel: Contraction): Products | null {
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
  const spec: ContractSpec = {
    dtype: dtype as ContractDType,
    rows: m,
    columns: n,
    depth: k,
    a: { outer: kernel.a.freeStride, depth: kernel.a.sumStride },
    b: { outer: kernel.b.freeStride, depth: kernel.b.sumStride },
    rowStride: m === 1 ? n : store.index.strides[batch.length],
  };
  return { spec, main, axes, count: batch.reduce((product, size) => product * size, 1) };
}

/** The product of a contraction whose operands may come in panels made before; null for others. */
export function panelProduct(kernel: Contraction): ContractSpec | null {
  const products = productsOf(kernel);
  if (products === null || products.count > 1) return null;
  return planContract(products.spec).method === "panels" ? products.spec : null;
}

/** Whether a contraction is a product whose left operand may lie in structs. */
export function mayUseStructs(kernel: Contraction): boolean {
  const products = productsOf(kernel);
  return products !== null && planContract(products.spec).method === "panels" &&
    panelSizes(products.spec).structs;
}

/** How the function of a contraction is emitted. */
export interface ProductOptions {
  /** One more pointer, behind those of the operands, is that of this one in panels, or 0 where there are none. */
  readonly panels?: PanelOperand;
}

/** The function of a contraction, or null when its operands or results are not ones that products work with. */
export function emitProduct(
  context: ModuleContext,
  kernel: Contraction,
  { panels }: ProductOptions = {},
): KernelFunction | null {
  const found = productsOf(kernel);
  if (found === null) return null;
  const { main, axes, count: products } = found;
  const { dtype, m, n, k } = kernel;
  const store = kernel.epilogue.stores[main];
  const epilogue = ProductEpilogue.isIdentity(kernel) ? null : new ProductEpilogue(context, kernel, main);
  const numbered = epilogue !== null && products > 1;
  const operands = epilogue?.operands ?? [];
  const spec: ContractSpec = {
    ...found.spec,
    structTiles: context.structTiles,
    ...(epilogue === null ? {} : {
      epilogue: (f, place) => epilogue.emit(f, place, numbered),
      extra: new Array<"i32">(operands.length + (numbered ? 1 : 0)).fill("i32"),
    }),
  };
  const product = emitContract(context.module, spec);
  context.needScratch(product.plan.scratchBytes);
  const many = products > 1 ? emitBatch(context.module, product, spec, axes, { passNumber: numbered }) : null;
  const begin = kernel.operands.length + (panels ? 1 : 0);
  const f = context.module.addFunction({ params: new Array<"i32">(begin + 2).fill("i32"), results: [] });
  const pushOperand = (operand: number, offset: number): void => {
    f.localGet(operand);
    if (offset !== 0) f.i32Const(offset * byteSize(dtype)).i32Add();
  };
  const pushPointers = (inPanels?: PanelOperand): void => {
    for (const side of ["a", "b"] as const) {
      if (side === inPanels) f.localGet(begin - 1);
      else pushOperand(kernel[side].operand, kernel[side].offset);
    }
    pushOperand(store.operand, store.index.offset);
    f.globalGet(context.scratchGlobal);
  };
  const pushExtra = (): void => {
    for (const operand of operands) f.localGet(operand);
  };
  let parts = 1, inner = product.inner;
  const callPart = (index: number, inPanels?: PanelOperand): void => {
    pushPointers(inPanels);
    parts = pushPart(f, spec, product, { begin, threads: context.threads });
    pushExtra();
    f.call(index);
  };
  if (many !== null) {
    pushPointers();
    f.localGet(begin).localGet(begin + 1);
    pushExtra();
    f.call(many.index);
  } else if (panels) {
    const kept = emitContract(context.module, { ...spec, panels });
    context.needScratch(kept.plan.scratchBytes);
    inner = [...inner, ...kept.inner];
    f.localGet(begin - 1).if();
    callPart(kept.index, panels);
    f.else();
    callPart(product.index);
    f.end();
  } else callPart(product.index);
  const units = many === null ? parts : products;
  return {
    index: f.index,
    units,
    unitCost: PER_OPERATION * products * m * n * k / units,
    splittable: true,
    whole: many === null,
    inner,
  };
}

/** Nanoseconds of a multiplication and addition: 50 GFLOP/s. */
const PER_OPERATION = 0.04;
/** A part is worth as many of them. */
const LEAST_OPERATIONS = 120_000;
/** Threads get two parts each, and more of this size, so that a slow one does fewer. */
const LONG_PART = 2_000_000;
const PARTS_OF_THREAD = 4;

/** In how many parts rows and columns are cut. */
interface Grid {
  readonly rows: number;
  readonly columns: number;
}

/**
 * Cuts a product for some threads so that packing does not grow much: the rows of A in a part are packed in each of
 * the parts beside it, and the columns of B in each of those below.
 */
function productGrid(spec: ContractSpec, plan: ContractPlan, threads: number): Grid {
  if (threads < 2) return { rows: 1, columns: 1 };
  const rowTiles = Math.ceil(spec.rows / plan.rowTile),
    columnTiles = Math.ceil(spec.columns / plan.columnTile);
  const operations = spec.rows * spec.columns * spec.depth;
  const shares = Math.max(2, Math.min(PARTS_OF_THREAD, Math.floor(operations / threads / LONG_PART)));
  const wanted = Math.max(
    1,
    Math.min(Math.floor(operations / LEAST_OPERATIONS), shares * threads, rowTiles * columnTiles),
  );
  let best: Grid = { rows: 1, columns: 1 }, bestCost = Infinity;
  for (let rows = 1; rows <= Math.min(wanted, rowTiles); rows++) {
    const columns = Math.min(columnTiles, Math.ceil(wanted / rows));
    // The largest part decides when all are done; packing an element costs about as much as four operations.
    const height = Math.ceil(rowTiles / rows) * plan.rowTile,
      width = Math.ceil(columnTiles / columns) * plan.columnTile;
    const rounds = Math.ceil(rows * columns / threads);
    const cost = rounds * (height * width + 4 * (height + width));
    if (cost < bestCost) {
      best = { rows, columns };
      bestCost = cost;
    }
  }
  return best;
}

/** Pushes the rows and columns of part `begin`, or all of them where more parts follow; gives the number of parts. */
function pushPart(
  f: FunctionBuilder,
  spec: ContractSpec,
  { plan }: ContractFunction,
  { begin, threads }: { begin: number; threads: number },
): number {
  const grid = productGrid(spec, plan, threads);
  const parts = grid.rows * grid.columns;
  if (parts === 1) {
    f.i32Const(0).i32Const(spec.rows).i32Const(0).i32Const(spec.columns);
    return 1;
  }
  const single = f.local("i32"), at = f.local("i32");
  f.localGet(begin + 1).localGet(begin).i32Sub().i32Const(1).i32Eq().localSet(single);
  const side = (count: number, size: number, tile: number, pushNumber: () => void): void => {
    const tiles = Math.ceil(size / tile);
    pushNumber();
    f.localSet(at);
    for (const next of [0, 1]) {
      f.localGet(at).i32Const(next).i32Add().i32Const(tiles).i32Mul().i32Const(count).i32DivU();
      f.i32Const(tile).i32Mul();
      if (next === 0) f.i32Const(0);
      else {
        const end = f.local("i32");
        f.localTee(end).i32Const(size).localGet(end).i32Const(size).i32LtU().select().i32Const(size);
        f.release(end);
      }
      f.localGet(single).select();
    }
  };
  side(grid.rows, spec.rows, plan.rowTile, () => f.localGet(begin).i32Const(grid.columns).i32DivU());
  side(grid.columns, spec.columns, plan.columnTile, () => f.localGet(begin).i32Const(grid.columns).i32RemU());
  f.release(single, at);
  return parts;
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
