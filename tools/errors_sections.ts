/** What docs/errors.md says of each class, and the snippet that throws it. */
import { check, data, grad, jit, scan, slice, type Tensor, tensor, type TensorLike, zeros } from "../mod.ts";

/** One section of the page. */
export interface ErrorSection {
  /** The class. */
  readonly name: string;
  readonly text: string;
  /** Throws an error of the class. */
  run(): void;
}

/** In the order of the page. */
export const SECTIONS: readonly ErrorSection[] = [
  {
    name: "ShapeError",
    text: "Shapes, axes or sizes that do not fit the operation.",
    run() {
      const layer = (x: Tensor) => x.matmul(zeros([5, 2])).tanh();
      const train = jit((x: Tensor) => layer(x).sum(), { name: "train" });
      train(zeros([8, 4]));
    },
  },
  {
    name: "DTypeError",
    text: "A dtype that the operation does not take, or a loss of precision that would be silent.",
    run() {
      const counts = tensor(new BigInt64Array([1n, 2n]) as unknown as TensorLike);
      counts.sum();
    },
  },
  {
    name: "IndexError",
    text:
      'A static index outside its axis. Indices that are tensors are clamped instead; mode "debug" throws for them too.',
    run() {
      const x = zeros([3, 4]);
      x.at(slice(), 4);
    },
  },
  {
    name: "TracedValueError",
    text:
      "Plain JavaScript asked for a value while a function was traced, when there are only shapes and dtypes.",
    run() {
      const absolute = jit((x: Tensor) => +x > 0 ? x : x.neg());
      absolute(tensor(-2));
    },
  },
  {
    name: "DonatedError",
    text: "A tensor was used after its buffer had been given to a compiled function with `donate`.",
    run() {
      const step = jit((w: Tensor) => w.mul(0.9), { name: "step", donate: [0] });
      const w = tensor([1, 2, 3]);
      step(w);
      w.sum();
    },
  },
  {
    name: "DisposedError",
    text: "A tensor was used after `dispose()`, or outside the `using` block that made it.",
    run() {
      const x = tensor([1, 2, 3]);
      x.dispose();
      x.add(1);
    },
  },
  {
    name: "GradientError",
    text: "A derivative that does not exist, or that was asked for in a form that makes no sense.",
    run() {
      const loss = (parameters: { w: Tensor; b: Tensor }, x: Tensor) => x.mul(parameters.w).sum();
      grad(loss)({ w: tensor([1, 2]), b: tensor(0) }, tensor([3, 4]));
    },
  },
  {
    name: "LoopError",
    text: "A loop whose carried values change their type, that is left early, or whose stack overflows.",
    run() {
      const collect = (h: Tensor, x: Tensor): [Tensor, Tensor] => [h.reshape([1, 2]).add(x), x];
      scan(collect, zeros([2]), zeros([5, 2]));
    },
  },
  {
    name: "NonFiniteError",
    text:
      "A `guard` found a NaN, an infinity, or a magnitude above `big`: the first operation that gave one, with its operands. Under `vmap` both branches of a `cond` are computed for every element, and a `whileLoop` goes on for all until the last has ended: a guard there sees what is computed and left, too.",
    run() {
      const entropy = jit((p: Tensor) => p.mul(p.log()).sum().neg(), { guard: { nan: true } });
      entropy(tensor([0.5, 0.5, -0.1]));
    },
  },
  {
    name: "RetraceError",
    text:
      "A function was traced more often than `maxTraces` allows. `f.traces` lists what was traced and why.",
    run() {
      const f = jit((x: Tensor) => x.sum(), { name: "f", maxTraces: 1 });
      f(zeros([3]));
      f(zeros([4]));
    },
  },
  {
    name: "DeviceError",
    text: "A device is missing or lost, or tensors of two devices meet in one operation.",
    run() {
      tensor([1, 2]).to("tpu" as "webgpu");
    },
  },
  {
    name: "OutOfMemoryError",
    text: "Device memory is exhausted, and nothing more can be moved out of it.",
    run() {
      zeros([300_000, 300_000]).add(1);
    },
  },
  {
    name: "CheckError",
    text: "A `check` was false when its value was computed. Shared variables keep their old values.",
    run() {
      const root = jit((x: Tensor) => check(x.ge(0), "x must not be negative", x).sqrt());
      root(tensor([4, -1]));
    },
  },
  {
    name: "FormatError",
    text: "A file or a stream of bytes does not have the form it should have. Nothing of it is kept.",
    run() {
      data.idx(new TextEncoder().encode("not a file of digits"));
    },
  },
];
