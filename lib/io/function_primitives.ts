/** The primitives that an exported function may hold, by name, with the form of their inputs and parameters. */
import { recomputeBarrierPrimitive } from "../autodiff/recompute_barrier.ts";
import { checkPrimitive } from "../jit/effects/check.ts";
import { printPrimitive } from "../jit/effects/print.ts";
import { DYNAMIC } from "../loop/loop_params.ts";
import { loopPrimitive } from "../loop/loop_primitive.ts";
import { stackLimit } from "../loop/stack_limit.ts";
import { switchPrimitive } from "../loop/switch_primitive.ts";
import { specialPrimitives } from "../special/primitives.ts";
import type { Primitive } from "../trace/primitive.ts";
import { allPrimitives } from "../trace/primitives/all.ts";
import { elementwise } from "../trace/primitives/elementwise.ts";
import type { BinaryOp, CompareOp } from "../trace/scalar_op.ts";
import { type Aval, sameShape } from "../trace/shape.ts";
import {
  axesForm,
  axisForm,
  booleanForm,
  choiceForm,
  choicesForm,
  dtypeForm,
  graphForm,
  graphsForm,
  integerForm,
  integersForm,
  locationForm,
  numberForm,
  optionalGraphForm,
  optionalLocationForm,
  pairsForm,
  type ParamForm,
  signedForm,
  textForm,
} from "./function_params.ts";

/** One primitive as files know it. */
export interface PrimitiveForm {
  readonly primitive: Primitive;
  /** The fewest and the most inputs. */
  readonly inputs: readonly [number, number];
  readonly params: { readonly [name: string]: ParamForm };
  /** What neither the forms of the parameters nor the primitive's own `infer` check. */
  readonly fits?: (inputs: readonly Aval[], params: Readonly<Record<string, unknown>>) => boolean;
}

type Entry = Omit<PrimitiveForm, "primitive">;

function entry(
  fewest: number,
  params: Entry["params"] = {},
  most: number = fewest,
  fits?: PrimitiveForm["fits"],
): Entry {
  return { inputs: [fewest, most], params, fits };
}

const ANY = Infinity;
const sizes = integersForm(0), steps = integersForm(1), count = integerForm(0), axes = axesForm();

const TWO_ARGUMENTS: { readonly [K in BinaryOp | CompareOp]: 2 } = {
  add: 2,
  sub: 2,
  mul: 2,
  div: 2,
  floorDiv: 2,
  mod: 2,
  pow: 2,
  atan2: 2,
  minimum: 2,
  maximum: 2,
  and: 2,
  or: 2,
  xor: 2,
  shiftLeft: 2,
  shiftRight: 2,
  mulNoNaN: 2,
  eq: 2,
  ne: 2,
  lt: 2,
  le: 2,
  gt: 2,
  ge: 2,
};

function elementwiseEntry(name: string): Entry {
  return entry(name === "select" ? 3 : Object.hasOwn(TWO_ARGUMENTS, name) ? 2 : 1);
}

function makeForms(): { readonly [name: string]: Entry } {
  return {
    ...Object.fromEntries(Object.keys(elementwise).map((name) => [name, elementwiseEntry(name)])),
    ...Object.fromEntries(
      ["sum", "prod", "max", "min", "any", "all"].map((name) => [name, entry(1, { axes })]),
    ),
    ...Object.fromEntries(
      ["cumsum", "cumprod", "cummax", "cummin"]
        .map((name) => [name, entry(1, { axis: axisForm, reverse: booleanForm })]),
    ),
    ...Object.fromEntries(["gamma", "j0", "j1", "erfcinv"].map((name) => [name, entry(1)])),
    polygamma: entry(1, { order: count }),
    gammainc: entry(2),
    gammaincc: entry(2),
    gammaDensity: entry(2),
    betainc: entry(3),
    betaDensity: entry(3),
    argmax: entry(1, { axis: axisForm }),
    argmin: entry(1, { axis: axisForm }),
    constant: entry(0, { value: numberForm, dtype: dtypeForm }),
    cast: entry(1, { dtype: dtypeForm }),
    bitcast: entry(1, { dtype: dtypeForm }),
    iota: entry(
      0,
      { shape: sizes, dtype: dtypeForm, axis: count },
      0,
      (_inputs, { shape, axis }) => (axis as number) < (shape as number[]).length,
    ),
    threefry: entry(4),
    stopGradient: entry(1),
    broadcastTo: entry(1, { shape: sizes }),
    reshape: entry(1, { shape: sizes }),
    transpose: entry(1, { permutation: axes }),
    slice: entry(1, { start: sizes, stop: sizes, step: steps }),
    flip: entry(1, { axes }),
    pad: entry(1, { low: signedForm, high: signedForm, interior: sizes, value: numberForm }),
    concat: entry(1, { axis: axisForm }, ANY),
    windows: entry(1, {
      sizes: steps,
      strides: steps,
      dilations: steps,
      padding: pairsForm,
      value: numberForm,
    }),
    unwindow: entry(
      1,
      { shape: sizes, strides: steps, dilations: steps, padding: pairsForm },
      1,
      (_inputs, params) =>
        ["strides", "dilations", "padding"].every((name) =>
          (params[name] as unknown[]).length === (params.shape as unknown[]).length
        ),
    ),
    gather: entry(2, { axes }, ANY),
    scatter: entry(3, { axes, combiner: choiceForm("set", "add") }, ANY),
    dynamicSlice: entry(1, { sizes }, ANY),
    dynamicUpdate: entry(2, {}, ANY),
    contract: entry(2, {
      batchA: axesForm(0),
      batchB: axesForm(1),
      contractA: axesForm(0),
      contractB: axesForm(1),
    }),
    convolve: entry(2, {
      strides: steps,
      padding: pairsForm,
      inputDilation: steps,
      kernelDilation: steps,
      groups: integerForm(1),
      batchGroups: integerForm(1),
    }),
    sort: entry(1, { descending: booleanForm }, ANY),
    topk: entry(1, { count }),
    cholesky: entry(1),
    triangularSolve: entry(2, { lower: booleanForm, transpose: booleanForm, unit: booleanForm }),
    lu: entry(1),
    luSolve: entry(
      4,
      { transpose: booleanForm },
      4,
      ([a, lu, p]) =>
        sameShape(a.shape, lu.shape) && lu.dtype === a.dtype && p.dtype === "int32" &&
        sameShape(a.shape.slice(0, -1), p.shape),
    ),
    qr: entry(1, { complete: booleanForm }),
    eigh: entry(1),
    eig: entry(1),
    svd: entry(1),
    pinvOf: entry(2),
    fft: entry(2, { inverse: booleanForm }),
    rfft: entry(1),
    irfft: entry(2, { length: integerForm(1) }),
    loop: entry(0, {
      body: graphForm,
      condition: optionalGraphForm,
      constants: count,
      carries: count,
      sequences: count,
      results: count,
      length: integerForm(DYNAMIC),
      counted: booleanForm,
      step: booleanForm,
      stops: booleanForm,
      reverse: booleanForm,
      taken: booleanForm,
    }, ANY),
    switch: entry(1, { branches: graphsForm }, ANY),
    stackLimit: entry(1, { max: count, location: optionalLocationForm }),
    recomputeBarrier: entry(2),
    print: entry(1, {
      label: textForm,
      show: choicesForm("value", "shape", "mean", "min", "max", "nan"),
    }),
    check: entry(2, { message: textForm, location: locationForm }),
  };
}

function storedPrimitives(): readonly Primitive[] {
  return [
    ...allPrimitives,
    ...specialPrimitives,
    loopPrimitive,
    switchPrimitive,
    stackLimit,
    recomputeBarrierPrimitive,
    printPrimitive,
    checkPrimitive,
  ] as readonly unknown[] as readonly Primitive[];
}

let byName: ReadonlyMap<string, PrimitiveForm> | undefined;

function makeTable(): ReadonlyMap<string, PrimitiveForm> {
  const forms = makeForms();
  return new Map(
    storedPrimitives().flatMap((primitive) => {
      const form = Object.hasOwn(forms, primitive.name) ? forms[primitive.name] : undefined;
      return form ? [[primitive.name, { primitive, ...form }] as const] : [];
    }),
  );
}

/** The form of the primitive of that name, if files know one; the table is made when a first file asks. */
export function primitiveForm(name: string): PrimitiveForm | undefined {
  return (byName ??= makeTable()).get(name);
}
