import { assert, assertEquals } from "@std/assert";
import { grad, jit, loop, memory, scan, type Tensor, tensor, whileLoop, withDevice, zeros } from "@damo/damo";

const SIZE = 256, BYTES = 4 * SIZE;

function peakOf(length: number): number {
  const f = jit((h: Tensor) => {
    const [last, rows] = scan((h: Tensor) => [h.mul(1.1).sin(), h.exp()], h, undefined, { length });
    return [last, rows.at(-1)];
  });
  return f.lower(zeros([SIZE])).memory.peak;
}

Deno.test("a scan of which only the last values are used takes the same memory at any length", () => {
  const expected = peakOf(10);
  assert(expected <= 8 * BYTES, `${expected} bytes`);
  for (const length of [100, 10_000, 1_000_000]) assertEquals(peakOf(length), expected);
});

function peakOfRecurrence(length: number, unrolled: "scan" | "loop"): number {
  const f = jit((xs: Tensor, w: Tensor, u: Tensor, h0: Tensor) => {
    if (unrolled === "scan") {
      return scan((h: Tensor, x) => [x.dot(w).add(h.dot(u)).tanh(), undefined], h0, xs)[0];
    }
    const h = loop.state(h0);
    for (const x of loop.over(xs)) h.value = x.dot(w).add(h.value.dot(u)).tanh();
    return h.value;
  });
  return f.lower(zeros([length, 32, 128]), zeros([128, 128]), zeros([128, 128]), zeros([32, 128])).memory
    .peak;
}

Deno.test("the input products of a recurrent network leave a long loop in blocks: its memory stops growing", () => {
  for (const form of ["scan", "loop"] as const) {
    const expected = peakOfRecurrence(1000, form);
    assert(expected < 2 ** 21, `${expected} bytes`);
    for (const length of [2000, 10_000]) assertEquals(peakOfRecurrence(length, form), expected);
  }
});

Deno.test("the gradient of a recurrent network stores the states and nothing else", () => {
  const state = 4 * 32 * 128;
  const peak = (length: number): number => {
    const cost = (xs: Tensor, w: Tensor, u: Tensor): Tensor => {
      const h0 = zeros([32, 128]);
      return scan((h: Tensor, x) => [x.dot(w).add(h.dot(u)).tanh(), undefined], h0, xs)[0].square().mean();
    };
    const gradients = jit(grad(cost, { argnums: [1, 2] }) as (...inputs: Tensor[]) => Tensor[]);
    return gradients.lower(zeros([length, 32, 128]), zeros([128, 128]), zeros([128, 128])).memory.peak;
  };
  // Below the length from which products go in blocks, those of all inputs lie beside the states.
  assert(peak(100) <= (2 * 100 + 16) * state, `${peak(100)} bytes for 100 steps`);
  assert(peak(10_000) <= (10_000 + 80) * state, `${peak(10_000)} bytes for 10,000 steps`);
});

Deno.test("coefficients that are a little arithmetic on others are not stored", () => {
  const n = 512;
  // tanh needs its value, sigmoids theirs: three records, and the state before each step.
  const cost = (h: Tensor): Tensor =>
    scan(
      (h: Tensor) => {
        const [a, b, c] = [h.mul(1.1).tanh(), h.sub(0.5).sigmoid(), h.mul(0.3).sigmoid()];
        return [a.mul(b).add(c.mul(h)), undefined];
      },
      h,
      undefined,
      { length: n },
    )[0].sum();
  const records = jit(grad(cost)).lower(zeros([SIZE])).memory.peak / (n * BYTES);
  assert(records <= 4.1, `${records} records per step`);
});

Deno.test("checkpointEvery = k takes n / k + k records for the gradient of n steps", () => {
  const n = 4096;
  const peak = (checkpointEvery?: number): number => {
    const cost = (h: Tensor): Tensor =>
      scan((h: Tensor) => [h.mul(1.1).sin(), undefined], h, undefined, { length: n, checkpointEvery })[0]
        .sum();
    return jit(grad(cost)).lower(zeros([SIZE])).memory.peak;
  };
  const beyond = peak() - n * BYTES;
  assert(Math.abs(beyond) <= 8 * BYTES, `without checkpoints ${beyond} bytes beyond a record per step`);
  for (const every of [8, 16, 32, 64, 128, 256, 512]) {
    const records = n / every + every;
    const rest = peak(every) - records * BYTES;
    assert(rest >= 0 && rest <= 8 * BYTES, `every ${every}: ${rest} bytes beyond ${records} records`);
  }
});

Deno.test("a while loop's plan has no room for steps: its tape grows while it runs", () => {
  const cost = (h: Tensor): Tensor =>
    whileLoop((h: Tensor) => h.sum().lt(100), (h: Tensor) => h.mul(1.1).sin().add(1), h).sum();
  assert(jit(grad(cost)).lower(zeros([SIZE])).memory.peak <= 16 * BYTES);
});

Deno.test("what a while loop recorded is given back when its gradient is done", () => {
  const cost = (x: Tensor): Tensor =>
    whileLoop((c: Tensor) => c.gt(0.1), (c: Tensor) => c.mul(x), x.mul(0).add(1));
  const slope = jit(grad(cost));
  const run = (steps: number): void =>
    slope(tensor(Math.exp(Math.log(0.1) / steps), { dtype: "float64" })).dispose();
  withDevice("wasm", () => {
    run(10);
    const before = memory().wasm;
    run(500_000);
    assert(memory().wasm.peak >= before.live + 8 * 500_000, "a record per step was kept while it ran");
    assert(memory().wasm.live <= before.live + 2 ** 17, `${memory().wasm.live - before.live} bytes are kept`);
  });
});
