import { assert, assertEquals } from "@std/assert";
import { grad, jit, type Tensor, tensor } from "@damo/damo";

/** x after `n` times x -> step(x). */
function chain(n: number, step: (x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return (x) => {
    let value = x;
    for (let i = 0; i < n; i++) value = step(value);
    return value.sum();
  };
}

const x = tensor(Float64Array.of(0.5, 0.25));

Deno.test("a chain of 100,000 sines traces, compiles and runs without overflow", () => {
  const n = 100_000;
  const value = jit(chain(n, (v) => v.sin()))(x).itemSync();
  let expected = 0;
  for (const start of [0.5, 0.25]) {
    let v = start;
    for (let i = 0; i < n; i++) v = Math.sin(v);
    expected += v;
  }
  assert(Math.abs(value - expected) < 1e-9, `${value}, expected ${expected}`);
});

Deno.test("a chain of 100,000 products is differentiated without overflow", () => {
  const n = 100_000, factor = 1 + 1e-6;
  const slope = jit(grad(chain(n, (v) => v.mul(factor))))(x).dataSync();
  const expected = factor ** n;
  for (const s of slope) assert(Math.abs(s / expected - 1) < 1e-8, `${s}, expected ${expected}`);
});

Deno.test("a chain of 20,000 sines is differentiated without overflow", () => {
  const n = 20_000;
  const slope = jit(grad(chain(n, (v) => v.sin())))(x).dataSync();
  const expected = [0.5, 0.25].map((start) => {
    let v = start, s = 1;
    for (let i = 0; i < n; i++) {
      s *= Math.cos(v);
      v = Math.sin(v);
    }
    return s;
  });
  expected.forEach((e, i) => assert(Math.abs(slope[i] / e - 1) < 1e-6, `${slope[i]}, expected ${e}`));
  assertEquals(slope.length, 2);
});
