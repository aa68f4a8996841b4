/** Operands that stay as they are while a loop runs are brought into panels before it. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { grad, init, jit, matmul, scan, type Tensor, tensor, whileLoop } from "@damo/damo";
import { TestRandom } from "../../support/random.ts";

await init({ device: "wasm" });

const SIZE = 260;
const random = new TestRandom(7);

function normal(shape: number[], scale = 1): Tensor {
  const count = shape.reduce((a, b) => a * b, 1);
  return tensor(Float32Array.from({ length: count }, () => scale * random.normal()), { shape });
}

function checkBits(actual: Tensor, expected: Tensor, label: string): void {
  assertEquals(new Uint32Array(actual.dataSync().buffer), new Uint32Array(expected.dataSync().buffer), label);
}

const weight = (): Tensor => normal([SIZE, SIZE], SIZE ** -0.5);
const panelBytes = SIZE * SIZE * 4;

Deno.test("a loop with panels made before it has the bits of its steps one by one", () => {
  for (const turned of [false, true]) {
    for (const rows of [2, 7, 32, 130]) {
      const step = (h: Tensor, w: Tensor): Tensor => matmul(h, turned ? w.T : w);
      const loop = jit((h: Tensor, w: Tensor) =>
        scan((h: Tensor) => [step(h, w), undefined], h, undefined, { length: 6 })[0]
      );
      const single = jit(step);
      const h = normal([rows, SIZE]), w = weight();
      let expected = h;
      for (let i = 0; i < 6; i++) expected = single(expected, w);
      assert(loop.lower(h, w).memory.peak >= panelBytes, "no panels are made");
      for (let call = 0; call < 4; call++) checkBits(loop(h, w), expected, `${rows} rows, call ${call}`);
      // Weights of other calls, which are not kept.
      for (let call = 0; call < 2; call++) {
        const other = weight();
        let expected = h;
        for (let i = 0; i < 6; i++) expected = single(expected, other);
        checkBits(loop(h, other), expected, `${rows} rows, new weight ${call}`);
      }
    }
  }
});

Deno.test("a left operand in a loop", () => {
  for (const turned of [false, true]) {
    const step = (h: Tensor, w: Tensor): Tensor => matmul(turned ? w.T : w, h);
    const loop = jit((h: Tensor, w: Tensor) =>
      scan((h: Tensor) => [step(h, w), undefined], h, undefined, { length: 5 })[0]
    );
    const single = jit(step);
    const h = normal([SIZE, 90]), w = weight();
    let expected = h;
    for (let i = 0; i < 5; i++) expected = single(expected, w);
    assert(loop.lower(h, w).memory.peak >= panelBytes, "no panels are made");
    for (let call = 0; call < 4; call++) checkBits(loop(h, w), expected, `call ${call}`);
  }
});

Deno.test("weights computed before a loop, or by an outer loop for the inner one", () => {
  const single = jit((h: Tensor, w: Tensor) => matmul(h, w)), scaled = jit((w: Tensor) => w.mul(0.75));
  const h = normal([5, SIZE]), w = weight();
  const computed = jit((h: Tensor, w: Tensor) => {
    const v = w.mul(0.75);
    return scan((h: Tensor) => [matmul(h, v), undefined], h, undefined, { length: 5 })[0];
  });
  let expected = h;
  for (let i = 0; i < 5; i++) expected = single(expected, scaled(w));
  assert(computed.lower(h, w).memory.peak >= 2 * panelBytes);
  for (let call = 0; call < 3; call++) checkBits(computed(h, w), expected, `call ${call}`);

  const nested = jit((h: Tensor, w: Tensor) =>
    scan(
      ([h, w]: [Tensor, Tensor]) => {
        const [inner] = scan((h: Tensor) => [matmul(h, w), undefined], h, undefined, { length: 4 });
        return [[inner, w.mul(0.75)] as [Tensor, Tensor], undefined];
      },
      [h, w] as [Tensor, Tensor],
      undefined,
      { length: 4 },
    )[0][0]
  );
  let state = h, now = w;
  for (let outer = 0; outer < 4; outer++) {
    for (let i = 0; i < 4; i++) state = single(state, now);
    now = scaled(now);
  }
  assert(nested.lower(h, w).memory.peak >= panelBytes);
  for (let call = 0; call < 3; call++) checkBits(nested(h, w), state, `nested, call ${call}`);
});

Deno.test("while loops that take no step, one, or many", () => {
  const loop = jit((h: Tensor, w: Tensor, steps: number) =>
    whileLoop(
      ([i]: [Tensor, Tensor]) => i.lt(steps),
      ([i, h]: [Tensor, Tensor]) => [i.add(1), matmul(h, w)] as [Tensor, Tensor],
      [tensor(0), h] as [Tensor, Tensor],
    )[1]
  );
  const single = jit((h: Tensor, w: Tensor) => matmul(h, w));
  const h = normal([5, SIZE]), w = weight();
  for (const steps of [0, 1, 3, 0, 9]) {
    let expected = h;
    for (let i = 0; i < steps; i++) expected = single(expected, w);
    checkBits(loop(h, w, steps), expected, `${steps} steps`);
  }
});

Deno.test("gradients through a recurrent net with panels agree with the float64 interpreter", () => {
  const cost = (xs: Tensor, w: Tensor, u: Tensor): Tensor =>
    scan((h: Tensor, x: Tensor) => [matmul(h, w).add(matmul(x, u)).tanh(), undefined], xs.at(0), xs)[0]
      .square().sum();
  const gradients = grad(cost, { argnums: [1, 2] });
  const xs = normal([5, 3, SIZE]), w = weight(), u = weight();
  const fast = jit(gradients), reference = jit(gradients, { mode: "reference" });
  const expected = reference(xs, w, u) as Tensor[];
  for (let call = 0; call < 3; call++) {
    (fast(xs, w, u) as Tensor[]).forEach((gradient, i) => {
      const truth = expected[i].dataSync();
      const scale = Math.max(...Array.from(truth, Math.abs));
      gradient.dataSync().forEach((value, at) =>
        assertAlmostEquals(Number(value), Number(truth[at]), 2e-5 * scale)
      );
    });
  }
});
