/** Where the results of a convolution go, and the elementwise work on them: over runs of places, once they are summed. */
import { stridesOf } from "../../../trace/shape.ts";
import type { Convolution } from "../../kernel/kernel.ts";
import type { FunctionBuilder } from "../assembler/mod.ts";
import { type ContractDType, elements, type EpilogueContext } from "../contract/mod.ts";
import type { ModuleContext } from "../nest/mod.ts";
import { ProductEpilogue, type ResultKernel } from "../product_epilogue.ts";
import { product } from "./geometry.ts";

/** Which parameters of a convolution's function point to what. */
export interface Pointers {
  readonly input: number;
  readonly filters: number;
  /** Where sums are added up; the epilogue brings them into what they become. */
  readonly output: number;
  /** All operands; what else a function takes follows them. */
  readonly count: number;
}

/** The epilogue of a convolution. */
export interface Results {
  readonly pointers: Pointers;
  /** Pushes the last arguments of {@linkcode Results.epilogue}: the operands that it reads and writes. */
  pushOperands(f: FunctionBuilder): void;
  /**
   * `epilogue(results, image, filter, place, count, ...operands)`: the work on `count` neighbouring places from `place`
   * on, of which `results` is the address; -1 where there is none.
   */
  readonly epilogue: number;
}

/** The results of a kernel; null where its epilogue cannot work on vectors of the type of the sums. */
export function resultsOf(context: ModuleContext, kernel: Convolution): Results | null {
  const { outputShape, epilogue, operands, dtype } = kernel;
  const results: ResultKernel = { dtype, batch: [outputShape[0]], operands, epilogue };
  const places = product(outputShape.slice(2));
  const domain = [outputShape[0], outputShape[1], places], strides = stridesOf(domain);
  const main = epilogue.stores.findIndex(({ operand, index, mode, mask }) =>
    mode === "set" && mask === undefined && operands[operand].dtype === dtype && index.offset === 0 &&
    index.dynamic.length === 0 &&
    index.strides.every((stride, i) => stride === strides[i] || domain[i] === 1)
  );
  if (main < 0 || !ProductEpilogue.fits(results)) return null;
  const pointers: Pointers = {
    input: kernel.input,
    filters: kernel.filters,
    output: epilogue.stores[main].operand,
    count: operands.length,
  };
  if (ProductEpilogue.isIdentity(results)) return { pointers, epilogue: -1, pushOperands: () => {} };
  const work = new ProductEpilogue(context, results, main);
  return {
    pointers,
    epilogue: emitRun(context, results, work),
    pushOperands: (f) => work.operands.forEach((operand) => f.localGet(operand)),
  };
}

/** Vectors that a loop does at once, where the work on each is at most so many statements. */
const UNROLL = 4;
const SHORT = 16;

/** The work on a run of places: vectors, and one by one what is left. */
function emitRun({ module }: ModuleContext, kernel: ResultKernel, work: ProductEpilogue): number {
  const element = elements[kernel.dtype as ContractDType];
  const f = module.addFunction({
    params: new Array<"i32">(5 + work.operands.length).fill("i32"),
    results: [],
  });
  const [results, image, row, column, count] = [0, 1, 2, 3, 4];
  const extra = [...work.operands.map((_, i) => 5 + i), image];
  const value = f.local("v128"), place = f.local("i32");
  const placeOf = (lanes: number): EpilogueContext => ({ value, lanes, row, column: place, extra });
  const prepared = work.prepare(f, placeOf(element.lanes), true);
  const run = (lanes: number, times: number): void => {
    const step = lanes * times;
    f.localGet(count).i32Const(step).i32GeU().if().loop();
    for (let i = 0; i < times; i++) {
      const offset = i * lanes * element.bytes;
      f.localGet(results);
      if (lanes === element.lanes) f.v128Load(offset);
      else element.loadZero(f, offset);
      f.localSet(value).localGet(column).i32Const(i * lanes).i32Add().localSet(place).localGet(results);
      work.emit(f, placeOf(lanes), true, prepared);
      if (lanes === element.lanes) f.v128Store(offset);
      else element.storeLane(f, 0, offset);
    }
    f.localGet(results).i32Const(step * element.bytes).i32Add().localSet(results);
    f.localGet(column).i32Const(step).i32Add().localSet(column);
    f.localGet(count).i32Const(step).i32Sub().localTee(count).i32Const(step).i32GeU().brIf(0).end().end();
  };
  if (kernel.epilogue.statements.length <= SHORT) run(element.lanes, UNROLL);
  run(element.lanes, 1);
  run(1, 1);
  return f.index;
}
