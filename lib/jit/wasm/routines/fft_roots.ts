/** Tables of roots of unity in scratch memory, accurate to the last bit or two. */
import { rootOfUnity } from "../../../trace/primitives/fft_reference.ts";
import type { ModuleContext } from "../nest/mod.ts";
import { Code, type RoutineDType } from "./code.ts";
import type { Expression } from "./expression.ts";
import { type Procedure, procedure } from "./procedure.ts";
import { share } from "./share.ts";

/** Up to this many roots lie in the module; of more, only the factors of which they are products. */
const DIRECT_ROOTS = 2048;

/** Real and imaginary parts in two arrays. */
export interface Planar {
  readonly re: Expression;
  readonly im: Expression;
}

/** Puts data of the module into memory. */
function initialise(code: Code, address: Expression, values: Float32Array | Float64Array): void {
  const segment = code.context.module.addData(new Uint8Array(values.buffer));
  address.push();
  code.f.i32Const(0).i32Const(values.byteLength).memoryInit(segment);
}

function parts(count: number, root: (k: number) => [number, number]): Float64Array {
  const values = new Float64Array(2 * count);
  for (let k = 0; k < count; k++) [values[k], values[count + k]] = root(k);
  return values;
}

/** Bytes of scratch memory that {@linkcode writeRoots} needs besides the table itself. */
export function rootsScratch(count: number): number {
  if (count <= DIRECT_ROOTS) return 0;
  const low = lowCount(count);
  return 16 * (low + Math.ceil(count / low));
}

function lowCount(count: number): number {
  return 2 ** Math.ceil(Math.log2(count) / 2);
}

/** Which roots: e^(-2 pi i step k / n) for k < count. */
export interface Roots {
  readonly n: number;
  readonly step: number;
  readonly count: number;
}

/** Writes roots: copied, or for many of them as products of a fine and a coarse one, computed in float64 and rounded once. */
export function writeRoots(
  code: Code,
  target: Planar,
  { n, step, count }: Roots,
  scratch: Expression,
  shares: boolean,
): void {
  const narrow = code.dtype === "float32";
  if (count <= DIRECT_ROOTS) {
    const values = parts(count, (k) => rootOfUnity(step * k, n));
    const [re, im] = [values.subarray(0, count), values.subarray(count)];
    const copy = (x: Float64Array) => narrow ? Float32Array.from(x) : x.slice();
    initialise(code, target.re, copy(re));
    initialise(code, target.im, copy(im));
    return;
  }
  const low = lowCount(count), high = Math.ceil(count / low);
  initialise(code, scratch, parts(low, (k) => rootOfUnity(step * k, n)));
  initialise(code, scratch.plus(16 * low), parts(high, (k) => rootOfUnity(step * low * k, n)));
  share(code, shares, {
    work: productsOfRoots(code.context, code.dtype),
    args: [target.re, target.im, scratch, low, count],
    units: high,
    unitCost: 2 * low,
  });
}

/** `(re, im, fine, low, count, begin, end)`: the products of all fine roots, behind which the coarse ones stand, and some coarse ones. */
function productsOfRoots(context: ModuleContext, dtype: RoutineDType): Procedure {
  const params = ["int", "int", "int", "int", "int", "int", "int"] as const;
  const narrow = dtype === "float32";
  return procedure(
    context,
    dtype,
    "productsOfRoots",
    params,
    null,
    (code, re, im, fine, low, count, i, end) => {
      const wide = new Code(context, code.f, "float64");
      const [a, b] = [wide.variable("vector"), wide.variable("vector")];
      const [c, d] = [wide.variable("vector"), wide.variable("vector")];
      const inner = code.variable("int"), place = code.variable("int"), coarse = code.variable("int");
      const highBytes = code.variable("int", count.plus(low).minus(1).quotient(low).times(8));
      coarse.set(fine.plus(low.times(16)).plus(i.times(8)));
      for (const pointer of [re, im]) pointer.increase(i.times(low).times(code.bytes));
      /** Two roots at once; the last store of an odd count writes one too many, for which there is room. */
      const store = (pointer: typeof re, value: Expression): void => {
        pointer.push();
        value.push();
        if (narrow) code.f.f32x4DemoteF64x2Zero().v128Store64Lane(0, 0);
        else code.f.v128Store();
      };
      code.while(i.lt(end), () => {
        a.set(wide.loadSplat(coarse));
        b.set(wide.loadSplat(coarse.plus(highBytes)));
        inner.set(count.minus(i.times(low)).least(low));
        place.set(fine);
        code.while(inner.gt(0), () => {
          c.set(wide.load(place, "vector"));
          d.set(wide.load(place.plus(low.times(8)), "vector"));
          store(re, a.times(c).minus(b.times(d)));
          store(im, a.times(d).plus(b.times(c)));
          place.increase(16);
          re.increase(2 * code.bytes);
          im.increase(2 * code.bytes);
          inner.increase(-2);
        });
        coarse.increase(8);
        i.increase(1);
      });
    },
  );
}
