import { assert } from "@std/assert";
import { jit, nn, type Tensor, tensor, zeros } from "@damo/damo";

/** WGSL of a function on the tables of a software adapter; no adapter is needed. */
function wgsl(fn: (...args: Tensor[]) => Tensor, ...args: Tensor[]): string {
  return jit(fn).lower(...args).wgsl();
}

Deno.test("WGSL of an elementwise kernel, four elements at a time", async (t) => {
  const x = zeros([5, 8]), bias = zeros([8]);
  await t.assertSnapshot(wgsl((x, b) => x.mul(2).add(b), x, bias));
});

Deno.test("WGSL of a comparison, packed four to a word", async (t) => {
  await t.assertSnapshot(wgsl((x) => x.gt(0), zeros([7])));
});

Deno.test("WGSL of a row kernel of several passes", async (t) => {
  await t.assertSnapshot(wgsl((x) => nn.softmax(x), zeros([3, 5])));
});

Deno.test("WGSL of a full sum in two dispatches", async (t) => {
  await t.assertSnapshot(wgsl((x) => x.sum(), zeros([100_000])));
});

Deno.test("WGSL of a product has its sizes as parameters", async (t) => {
  const text = wgsl((a, b) => a.matmul(b), zeros([7, 9]), zeros([9, 6]));
  assert(text.includes("let size_m = parameters"));
  await t.assertSnapshot(text);
});

Deno.test("WGSL of scattered sums", async (t) => {
  const index = tensor([0, 2], { dtype: "int32" });
  await t.assertSnapshot(wgsl((x, i, v) => x.withAdded([i], v), zeros([3]), index, zeros([2])));
});
