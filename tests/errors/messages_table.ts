/**
 * Mistakes, each with the error class that answers it. tests/errors/table_test.ts holds the messages as a snapshot and
 * checks their form.
 */
import {
  arange,
  bincount,
  checkGrads,
  compress,
  concat,
  cond,
  customJvp,
  definePrimitive,
  diag,
  diff,
  einsum,
  fft,
  full,
  gather,
  grad,
  jit,
  linalg,
  linspace,
  loop,
  nonzero,
  norm,
  oneHot,
  pad,
  print,
  repeat,
  roll,
  scan,
  scope,
  setDefaultFloat,
  shared,
  slice,
  sparse,
  stack,
  switchCase,
  type Tensor,
  tensor,
  tile,
  tri,
  tril,
  update,
  variance,
  vmap,
  whileLoop,
  zeros,
} from "@damo/damo";

export type Mistakes = { readonly [name: string]: readonly [kind: string, run: () => unknown] };

const x = zeros([2, 3]);
const int = (values: number[] | number): Tensor => tensor(values, { dtype: "int32" });
// deno-lint-ignore no-explicit-any -- mistakes are made on purpose
const wrong = (value: unknown): any => value;

/** Sections 1 to 3. */
export const TENSORS: Mistakes = {
  "tensor of ragged arrays": ["ShapeError", () => tensor([[1, 2], [3]])],
  "tensor of tensors of two shapes": ["ShapeError", () => tensor(wrong([zeros([2]), zeros([3])]))],
  "tensor of a string": ["DTypeError", () => tensor(wrong([1, "two"]))],
  "tensor of a BigInt": ["DTypeError", () => tensor(wrong([1n]))],
  "tensor of an unknown dtype": ["DTypeError", () => tensor(1, { dtype: wrong("int64") })],
  "tensor of an unknown device": ["DeviceError", () => tensor(1, { device: wrong("gpu") })],
  "tensor with an unknown option": ["DamoError", () => tensor(1, wrong({ type: "int32" }))],
  "setDefaultFloat": ["DTypeError", () => setDefaultFloat(wrong("float16"))],
  "tri with a fractional diagonal": ["ShapeError", () => tri(2, 2, 0.5)],
  "tril of a scalar": ["ShapeError", () => tril(1)],
  "diag of three axes": ["ShapeError", () => diag(zeros([2, 2, 2]))],
  "oneHot of bool": ["DTypeError", () => oneHot(tensor([true]), 3)],
  "linspace to a tensor": ["ShapeError", () => linspace(0, wrong(tensor([1, 2])), 3)],
  "arange with step 0": ["ShapeError", () => arange(0, 3, 0)],
  "full of a negative size": ["ShapeError", () => full([-2], 1)],
  "item of many": ["ShapeError", () => x.itemSync()],
  "iteration over a scalar": ["ShapeError", () => [...tensor(1)]],
  "sub of bool": ["DTypeError", () => tensor([true]).sub(tensor([false]))],
  "and of floats": ["DTypeError", () => x.and(x)],
  "a number outside uint8": ["DTypeError", () => tensor(Uint8Array.of(1)).add(300)],
  "max of nothing": ["ShapeError", () => zeros([0]).max()],
  "sum along an axis that is not there": ["ShapeError", () => x.sum({ axis: 2 })],
  "sum along an axis twice": ["ShapeError", () => x.sum({ axis: [0, 0] })],
  "variance with a strange ddof": ["DamoError", () => variance(x, { ddof: wrong("one") })],
  "norm with a strange ord": ["DamoError", () => norm(x, { ord: wrong("fro") })],
  "diff of a scalar": ["ShapeError", () => diff(1)],
  "diff of a negative order": ["ShapeError", () => diff(x, { n: -1 })],
  "bincount inside a trace": ["TracedValueError", () => jit((v: Tensor) => bincount(v))(int([1, 2]))],
  "bincount with weights that do not fit": ["ShapeError", () => bincount([0, 1], { weights: [1, 2, 3] })],
  "topk of too many": ["ShapeError", () => x.topk(5)],
  "roll with too many shifts": ["ShapeError", () => roll(x, [1, 2, 3], [0, 1])],
  "repeat with negative counts": ["ShapeError", () => repeat(x, -1)],
  "tile with fractions": ["ShapeError", () => tile(x, [1.5])],
  "pad with an unknown mode": ["DamoError", () => pad(x, 1, { mode: wrong("mirror") })],
  "pad of integers with a fraction": ["DTypeError", () => pad(int([1]), 1, { value: 0.5 })],
  "concat of nothing": ["ShapeError", () => concat([])],
  "concat of scalars": ["ShapeError", () => concat([tensor(1), tensor(2)])],
  "stack of two shapes": ["ShapeError", () => stack([x, zeros([3])])],
  "at with a mask inside a trace": ["TracedValueError", () => jit((v: Tensor) => v.at(v.gt(0)))(x)],
  "at with a mask that does not fit": ["ShapeError", () => x.at(tensor([true, false, true]))],
  "at with index tensors that do not broadcast": ["ShapeError", () => x.at(int([0, 1]), int([0, 1, 2]))],
  "at with a float index": ["DTypeError", () => x.at(tensor([0.5]))],
  "at with a fractional number argument": [
    "IndexError",
    () => jit((v: Tensor, i: number) => v.at(i))(x, 0.5),
  ],
  "at of an empty axis": ["ShapeError", () => zeros([0, 2]).at(int(0))],
  "slice by 0": ["IndexError", () => x.at(slice(0, 2, 0))],
  "narrow from a vector": ["ShapeError", () => x.narrow(0, int([0, 1]), 1)],
  "take from an empty axis": ["IndexError", () => zeros([0]).take(int([0]), 0)],
  "gather from an empty axis": ["IndexError", () => gather(zeros([0]), int([0]))],
  "nonzero of a scalar": ["ShapeError", () => nonzero(1)],
  "nonzero inside a trace": ["TracedValueError", () => jit((v: Tensor) => nonzero(v))(x)],
  "compress inside a trace": ["TracedValueError", () => jit((v: Tensor) => compress(v, v.gt(0)))(zeros([3]))],
  "einsum with a size that differs": ["ShapeError", () => einsum("ij,jk->ik", x, x)],
  "linalg.inv of no square": ["ShapeError", () => linalg.inv(x)],
  "linalg.solve that does not fit": ["ShapeError", () => linalg.solve(zeros([2, 2]), zeros([3]))],
  "fft.irfft of two shapes": ["ShapeError", () => fft.irfft({ re: x, im: zeros([2, 2]) })],
  "sparse product that does not fit": [
    "ShapeError",
    () => sparse.matmulTransposed(sparse.csr([1], int([0]), int([0, 1])), zeros([3, 1]), 2),
  ],
};

/** Sections 4 to 6. */
export const FUNCTIONS: Mistakes = {
  "jit with strange positions": ["DamoError", () => jit((v: Tensor) => v, { donate: [0.5] })],
  "jit of an unknown mode": ["DamoError", () => jit((v: Tensor) => v, { mode: wrong("slow") })],
  "jit of an asynchronous function": ["DamoError", () => jit(wrong(async (v: Tensor) => await v))(x)],
  "a tensor that left its trace": ["TracedValueError", () => {
    let kept: Tensor | null = null;
    jit((v: Tensor) => {
      kept = v.mul(2);
      return v;
    }, { name: "leaky" })(x);
    return wrong(kept).add(1);
  }],
  "shared of a traced value": [
    "TracedValueError",
    () => jit((v: Tensor) => shared(v.mul(2), { name: "s" }).value)(x),
  ],
  "shared of another shape": ["ShapeError", () => shared(x, { name: "w" }).value = zeros([3])],
  "update of no shared variable": ["DamoError", () => update(wrong([[x, x]]))],
  "update of one variable twice": ["DamoError", () => {
    const w = shared(1, { name: "w" });
    update([[w, 1], [w, 2]]);
  }],
  "mode debug with an index outside": [
    "IndexError",
    () => jit((v: Tensor, i: Tensor) => v.at(i), { mode: "debug" })(x, int(5)),
  ],
  "scope of an asynchronous function": ["DamoError", () => scope(wrong(() => Promise.resolve(1)))],
  "scopes that end in the wrong order": ["DamoError", () => {
    const outer = scope();
    const inner = scope();
    try {
      outer.dispose();
    } finally {
      inner.dispose();
    }
  }],
  "checkGrads inside a trace": [
    "GradientError",
    () => jit((v: Tensor) => wrong(checkGrads((u: Tensor) => u.sum(), [v])))(x),
  ],
  "checkGrads of integers": ["GradientError", () => checkGrads((v: Tensor) => v.sum(), [int([1])])],
  "vmap with axes of another structure": [
    "ShapeError",
    () => vmap((v: Tensor) => v, { inAxes: wrong([{ a: 0 }]) })(x),
  ],
  "grad with respect to nothing": ["GradientError", () => jit((v: Tensor) => wrong(grad)(v.sum(), {}))(x)],
  "customJvp with a tangent of another shape": [
    "GradientError",
    () => grad(wrong(customJvp((v: Tensor) => v.sum(), ([v]) => [v.sum(), v])))(x),
  ],
  "an operation on the host without a derivative": [
    "GradientError",
    () =>
      grad(definePrimitive({ name: "half", infer: (v) => v, evaluate: (v) => v.data.map((a) => a / 2) }))(
        tensor(1),
      ),
  ],
  "definePrimitive with a strange dtype": [
    "DTypeError",
    () =>
      definePrimitive({
        name: "odd",
        infer: (v) => ({ ...v, dtype: wrong("int64") }),
        evaluate: (v) => v.data,
      })(x),
  ],
  "definePrimitive with too few elements": [
    "ShapeError",
    () => definePrimitive({ name: "short", infer: (v) => v, evaluate: () => [1] })(x),
  ],
  "print of an unknown item": ["DamoError", () => print(x, "x", { show: [wrong("median")] })],
  "cond with branches that differ": ["LoopError", () => cond(true, () => zeros([2]), () => zeros([3]))],
  "cond of a float": ["LoopError", () => cond(tensor(0.5), () => x, () => x)],
  "switchCase of a float": ["LoopError", () => switchCase(tensor(0.5), [() => x, () => x])],
  "scan with a carry of another structure": [
    "LoopError",
    () => scan((c: { a: Tensor }) => [wrong({ b: c.a }), c.a], { a: zeros([]) }, zeros([3])),
  ],
  "scan of two lengths": [
    "LoopError",
    () => scan((c: Tensor) => [c, c], zeros([]), [zeros([3]), zeros([4])]),
  ],
  "scan with a fractional length": [
    "LoopError",
    () => scan((c: Tensor) => [c, c], zeros([]), undefined, { length: 1.5 }),
  ],
  "whileLoop with a strange bound": [
    "LoopError",
    () => whileLoop((c: Tensor) => c.lt(3), (c: Tensor) => c.add(1), zeros([]), { maxSteps: -1 }),
  ],
  "a loop that is left by break": ["LoopError", () => {
    const s = loop.state(zeros([]));
    for (const row of loop.over(x)) {
      s.value = s.value.add(row.sum());
      break;
    }
  }],
  "a loop that is left by return": ["LoopError", (): unknown => {
    for (const row of loop.over(x)) return row;
    return null;
  }],
  "a state that changes its shape": ["LoopError", () => {
    const hidden = loop.state(zeros([3]));
    for (const _ of loop.range(2)) hidden.value = hidden.value.sum();
  }],
  "a state that changes its dtype": ["LoopError", () => {
    const count = loop.state(int(1));
    for (const row of loop.over(x)) count.value = count.value.add(row.sum());
  }],
  "a state that changes its structure": ["LoopError", () => {
    const pair = loop.state([zeros([])]);
    for (const row of loop.over(x)) pair.value = wrong(row);
  }],
  "a scan whose carry changes its shape": [
    "LoopError",
    () => scan((c: { h: Tensor }, row: Tensor) => [{ h: c.h.add(row) }, row], { h: zeros([]) }, x),
  ],
  "a value of a body used after the loop": ["LoopError", () => {
    let last = zeros([3]);
    for (const row of loop.over(x)) last = row.mul(2);
    return last.add(1);
  }],
  "the value of one step used after the loop": ["LoopError", () => {
    const hidden = loop.state(zeros([]));
    let seen = hidden.value;
    for (const row of loop.over(x)) {
      seen = hidden.value;
      hidden.value = seen.add(row.sum());
    }
    return seen.add(1);
  }],
  "a state read after its loop was left": ["LoopError", () => {
    const hidden = loop.state(zeros([]));
    try {
      for (const row of loop.over(x)) {
        hidden.value = hidden.value.add(row.sum());
        break;
      }
    } catch {
      // The state is what is asked for.
    }
    return hidden.value;
  }],
  "a state that branches leave with different types": ["LoopError", () => {
    const hidden = loop.state(zeros([]));
    for (const row of loop.over(x)) {
      cond(row.sum().gt(0), () => {
        hidden.value = hidden.value.add(row);
      }, () => {});
    }
  }],
  "a state assigned in the step of a scan": ["LoopError", () => {
    const hidden = loop.state(zeros([]));
    scan(
      (c, row) => {
        hidden.value = hidden.value.add(row.sum());
        return [c, null];
      },
      0,
      x,
    );
  }],
  "a body that differs when traced again": ["LoopError", () => {
    let count = 0;
    return jit((v: Tensor) => {
      const s = loop.state(zeros([]));
      for (const row of loop.over(v)) s.value = count++ % 2 === 0 ? s.value.add(row.sum()) : s.value.mul(2);
      return s.value;
    }, { mode: "debug" })(x);
  }],
  "a stack without a bound": ["LoopError", () =>
    jit((n: Tensor) => {
      const rows = loop.stack();
      for (const i of loop.range(n)) rows.push(i);
      return rows.value;
    })(int(3))],
  "loop.until outside a loop": ["LoopError", () => loop.until(tensor(true))],
};

/** Plain numbers are needed, and a number argument of a traced function is not plain. */
const sized = (f: (n: number) => unknown) => () => jit((n: number) => wrong(f(n)), { name: "sized" })(2);

export const TRACED_NUMBERS: Mistakes = {
  "a traced number as a size": ["TracedValueError", sized((n) => zeros([3, n]))],
  "a traced number in reshape": ["TracedValueError", sized((n) => x.reshape([n, 3]))],
  "a traced number as an axis": ["TracedValueError", sized((n) => x.sum({ axis: n }))],
  "a traced number in a list of axes": ["TracedValueError", sized((n) => x.transpose([0, n]))],
  "a traced number in arange": ["TracedValueError", sized((n) => arange(n))],
  "a traced number in linspace": ["TracedValueError", sized((n) => linspace(0, n, 3))],
  "a traced number in slice": ["TracedValueError", sized((n) => x.at(slice(0, n)))],
};
