/**
 * Values at three moments: while tracing, while running, and afterwards.
 *
 * In Theano shapes are unknown until the compiled function runs, and `Print` must be wired into the graph. Here shapes and
 * dtypes are plain values while one writes, `print` is an identity, and any intermediate can be returned.
 */
import { check, evalShape, jit, print, type Tensor, tensor, zeros } from "@damo/damo";
import { expect, expectError } from "../expect.ts";

// While tracing: shapes are numbers, and a mistake is found where it is written, before anything runs.
const log: string[] = [];
const layer = jit((x: Tensor, w: Tensor) => {
  log.push(`${x.dtype}[${x.shape}] times [${w.shape}]`);
  if (x.shape[1] !== w.shape[0]) throw new Error("the layer does not fit");
  return x.dot(w);
});
layer(zeros([2, 3]), zeros([3, 4]));
layer(zeros([2, 3]), zeros([3, 4]));
if (log.join() !== "float32[2,3] times [3,4]") throw new Error(`traced more than once: ${log}`);
expectError(() => layer(zeros([2, 3]), zeros([5, 4])), "the layer does not fit");
const { shape } = evalShape(layer, zeros([1000, 3]), zeros([3, 4]));
expect([...shape], [1000, 4]);

// A traced value has no number yet: the error says what to do instead.
expectError(() => jit((x: Tensor) => x.itemSync())(tensor(1)), "print", "where");

// While running: print shows the value at every call.
const shown: string[] = [];
const { log: write } = console;
console.log = (text: string) => shown.push(text);
const scaled = jit((x: Tensor) => print(x.mul(2), "doubled", { show: ["mean", "max", "shape"] }).sum());
scaled(tensor([1, 2, 3]));
scaled(tensor([0, 0, 6]));
console.log = write;
for (const line of shown) console.log(line);
if (shown.length !== 2 || !shown[0].includes("mean 4, max 6")) throw new Error(shown.join("\n"));

// A check stops the call before it changes anything.
const root = jit((x: Tensor) => check(x.ge(0), "negative under the root", x).sqrt());
expect(root(tensor(9)), 3);
expectError(() => root(tensor(-9)), "negative under the root");

// Afterwards: intermediates are results like any other, in whatever structure is handy.
const network = jit((x: Tensor) => {
  const hidden = x.tanh();
  const output = hidden.sum();
  return { output, hidden, note: "plain values come back as they are" };
});
const { output, hidden, note } = network(tensor([0, 0.5]));
expect(hidden, [0, Math.tanh(0.5)]);
expect(output, Math.tanh(0.5));
console.log(note);
