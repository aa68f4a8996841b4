/** Mistakes in loops, derivative rules, compilation and networks; rarer than those of messages_table.ts, in the same form. */
import {
  clipGradient,
  compress,
  customJvp,
  customVjp,
  definePrimitive,
  exportFunction,
  fft,
  grad,
  importFunction,
  jit,
  loop,
  map,
  nn,
  ones,
  optim,
  random,
  recurrence,
  scan,
  type Tensor,
  tensor,
  vjp,
  wgslKernel,
  whileLoop,
  zeros,
} from "@damo/damo";
import type { Mistakes } from "./messages_table.ts";

const x = zeros([2, 3]);
// deno-lint-ignore no-explicit-any -- mistakes are made on purpose
const wrong = (value: unknown): any => value;
const count = (c: Tensor): [Tensor, Tensor] => [c.add(1), c];
const double = definePrimitive({
  name: "double",
  infer: (v) => v,
  evaluate: (v) => v.data.map((element) => 2 * element),
  jvp: (_primals, [t]) => t.sum(),
});

export const RULES: Mistakes = {
  "grad of a cost of integers, Theano's form": [
    "GradientError",
    () => jit((v: Tensor) => grad(v.cast("int32").sum(), v))(x),
  ],
  "clipGradient with limits in the wrong order": ["GradientError", () => clipGradient(x, 1, -1)],
  "a cotangent of another structure": [
    "GradientError",
    () => vjp((v: Tensor) => v.mul(2), x)[1](wrong({ a: x })),
  ],
  "a primitive without a name": ["DamoError", () => definePrimitive(wrong({ infer: (v: Tensor) => v }))],
  "a primitive that is not computed": [
    "DamoError",
    () => definePrimitive(wrong({ name: "twice", infer: (v: Tensor) => v })),
  ],
  "a rule of customJvp with a tangent of another shape": [
    "GradientError",
    () => grad(customJvp((u: Tensor) => u.sum(), ([u], [t]) => [u.sum(), t]))(x),
  ],
  "a derivative of a primitive with another shape": [
    "GradientError",
    () => grad((v: Tensor) => double(v).sum())(x),
  ],
  "derivatives of an imported function with rules of its own": [
    "GradientError",
    () => {
      const f = customVjp((u: Tensor) => u.sum(), (u) => [u.sum(), u], (u, c) => [u.mul(c)]);
      return grad(wrong(importFunction(exportFunction(jit(wrong(f)), x))))(x);
    },
  ],
  "a pass that is not there": [
    "DamoError",
    () => jit((v: Tensor) => v, { passes: { exclude: ["quickly"] } }),
  ],
  "passes to leave out that are no list": [
    "DamoError",
    () => jit((v: Tensor) => v, { passes: { exclude: wrong("merge") } }),
  ],
};

export const LOOPS: Mistakes = {
  "checkpointEvery of no steps": [
    "LoopError",
    () => grad((c: Tensor) => scan(count, c, undefined, { length: 4, checkpointEvery: 0 })[0])(tensor(1)),
  ],
  "truncateGradient of a fraction": [
    "LoopError",
    () => scan(count, 1, undefined, { length: 4, truncateGradient: 1.5 }),
  ],
  "a condition that is text": ["LoopError", () => whileLoop(wrong(() => "yes"), (c: Tensor) => c, tensor(1))],
  "a condition that is a number": [
    "LoopError",
    () => whileLoop((c: Tensor) => c, (c: Tensor) => c, tensor(1)),
  ],
  "a loop's state assigned inside map": [
    "LoopError",
    () =>
      jit((xs: Tensor) => {
        const total = loop.state(tensor(0));
        for (const row of loop.over(xs)) {
          map((element: Tensor) => {
            total.value = total.value.add(element);
            return element;
          }, row);
        }
        return total.value;
      })(x),
  ],
  "recurrence with taps of the future": [
    "LoopError",
    () => recurrence({ steps: 3, outputs: [{ initial: zeros([2]), taps: [1] }] }, (h: Tensor) => h),
  ],
  "recurrence with too few first values": [
    "LoopError",
    () => recurrence({ steps: 3, outputs: [{ initial: zeros([1]), taps: [-1, -2] }] }, (h: Tensor) => h),
  ],
  "recurrence over a number": ["LoopError", () => recurrence({ sequences: [tensor(3)] }, (v: Tensor) => v)],
  "recurrence with fractional taps": [
    "LoopError",
    () => recurrence({ sequences: [{ input: x, taps: [0.5] }] }, (v: Tensor) => v),
  ],
};

export const NETWORKS: Mistakes = {
  "nn.attention of shapes that do not meet": ["ShapeError", () => nn.attention(x, zeros([2, 4]), x)],
  "nn.MultiHeadAttention of one axis": [
    "ShapeError",
    () => new nn.MultiHeadAttention(4, 2).forward(zeros([4]), zeros([4]), zeros([4])),
  ],
  "nn.convOutputShape of two ranks": ["ShapeError", () => nn.convOutputShape([1, 2, 3], [1, 2, 3, 4])],
  "nn.ctcLoss with lengths of another size": [
    "ShapeError",
    () => nn.ctcLoss(zeros([2, 1, 3]), [[1]], { inputLengths: [2, 2] }),
  ],
  "nn.confusionMatrix of two sizes": ["ShapeError", () => nn.confusionMatrix([0, 1], [1], 2)],
  "nn.LSTM with the state of another network": [
    "DamoError",
    () => new nn.LSTM(3, 2).run(zeros([5, 1, 3]), wrong({ hidden: zeros([1, 2]) })),
  ],
  "nn.resize in an unknown way": [
    "DamoError",
    () => nn.resize(zeros([1, 1, 2, 2]), { scale: 2, mode: wrong("cubic") }),
  ],
  "optim with the state of other parameters": [
    "DamoError",
    () => {
      const rule = optim.adam([], { lr: 0.1 });
      return rule.apply([x], rule.init([]), [x]);
    },
  ],
  "random.permutation of a scalar tensor": ["ShapeError", () => random.permutation(random.key(0), tensor(3))],
  "compress with a mask that does not fit": ["ShapeError", () => compress(x, [true, false, true, true])],
  "fft.irfft with an unknown option": [
    "DamoError",
    () => fft.irfft({ re: ones([3]), im: ones([3]) }, wrong({ length: 9 })),
  ],
  "fft.irfft of parts that differ": ["ShapeError", () => fft.irfft({ re: ones([3]), im: ones([4]) })],
  "wgslKernel with workgroups that are no function": [
    "DamoError",
    () => wgslKernel(wrong({ name: "twice", code: "", workgroups: 1, outputs: (v: Tensor) => v })),
  ],
};
