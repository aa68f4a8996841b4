/** Tables of roots of unity in scratch memory, accurate to the last bit or two. */
import { rootOfUnity } from "../../../trace/primitives/fft_reference.ts";
import { Code } from "./code.ts";
import type { Expression } from "./expression.ts";

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

/**
 * Writes e^(-2 pi i step k / n) for k < count: copied, or for many roots as products of a fine and a coarse one, computed in
 * float64 and rounded once.
 */
export function writeRoots(
  code: Code,
  target: Planar,
  n: number,
  step: number,
  count: number,
  scratch: Expression,
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
  const wide = new Code(code.context, code.f, "float64");
  const fine = code.variable("int", scratch), coarse = code.variable("int", scratch.plus(16 * low));
  initialise(code, fine, parts(low, (k) => rootOfUnity(step * k, n)));
  initialise(code, coarse, parts(high, (k) => rootOfUnity(step * low * k, n)));
  const re = code.variable("int", target.re), im = code.variable("int", target.im);
  const [a, b] = [wide.variable("vector"), wide.variable("vector")];
  const [c, d] = [wide.variable("vector"), wide.variable("vector")];
  const left = code.variable("int", count), inner = code.variable("int"), place = code.variable("int");
  /** Two roots at once; the last store of an odd count writes one too many, for which there is room. */
  const store = (pointer: typeof re, value: Expression): void => {
    pointer.push();
    value.push();
    if (narrow) code.f.f32x4DemoteF64x2Zero().v128Store64Lane(0, 0);
    else code.f.v128Store();
  };
  code.while(left.gt(0), () => {
    a.set(wide.loadSplat(coarse));
    b.set(wide.loadSplat(coarse, 8 * high));
    inner.set(left.least(low));
    place.set(fine);
    code.while(inner.gt(0), () => {
      c.set(wide.load(place, "vector"));
      d.set(wide.load(place, "vector", 8 * low));
      store(re, a.times(c).minus(b.times(d)));
      store(im, a.times(d).plus(b.times(c)));
      place.increase(16);
      re.increase(2 * code.bytes);
      im.increase(2 * code.bytes);
      inner.increase(-2);
    });
    coarse.increase(8);
    left.increase(-low);
  });
  wide.release(a, b, c, d);
  code.release(fine, coarse, re, im, left, inner, place);
}
