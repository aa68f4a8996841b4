/** Panels that outlive calls: which operands have them, who shares them, and when they go. */
import { assert, assertEquals } from "@std/assert";
import { jit, matmul, shared, type Tensor, tensor } from "@damo/damo";
import { checkBits, formsOf, matrix, numbers, probe, rows, SIZE, stats, truth } from "./kept_panels.ts";

Deno.test("unchanged operands are kept in panels from the second call on, with the bits of the first", () => {
  for (const turned of [false, true]) {
    for (const count of [2, 3, 7, 12, 13, 32, 100, 256]) {
      const data = numbers(SIZE * SIZE), x = rows(count), w = matrix(data);
      const f = jit((x: Tensor, w: Tensor) => matmul(x, turned ? w.T : w).add(1).tanh());
      const copy = matrix(data), first = f(x, copy).dataSync() as Float32Array;
      assertEquals(formsOf(copy), 0);
      for (let call = 0; call < 4; call++) {
        checkBits(f(x, w), first, `${count} rows, call ${call}`);
        assertEquals(formsOf(w), call === 0 ? 0 : 1);
      }
    }
  }
});

Deno.test("left operands are kept too, where products pack them", () => {
  for (const [turned, columns] of [[true, 13], [true, 40], [true, 200], [false, 80], [false, 200]] as const) {
    const data = numbers(SIZE * SIZE), x = tensor(numbers(SIZE * columns), { shape: [SIZE, columns] });
    const w = shared(matrix(data));
    const f = jit((x: Tensor, w: Tensor) => matmul(turned ? w.T : w, x).mul(2));
    const g = jit((x: Tensor) => f(x, w.value));
    const halve = jit(() => {
      w.value = w.value.mul(0.5);
    });
    halve();
    let now = data.map((value) => value / 2);
    for (let round = 0; round < 3; round++) {
      const copy = matrix(now), expected = f(x, copy).dataSync() as Float32Array;
      assertEquals(formsOf(copy), 0);
      for (let call = 0; call < 3; call++) {
        checkBits(g(x), expected, `${columns} columns, call ${call}`);
        assertEquals(formsOf(w), call === 0 ? 0 : 1);
      }
      halve();
      assertEquals(formsOf(w), 0);
      now = now.map((value) => value / 2);
    }
  }
});

Deno.test("single operations, captured constants and shared variables are kept too", () => {
  const data = numbers(SIZE * SIZE), x = rows(5), w = matrix(data), s = shared(matrix(data));
  const expected = truth(x, data);
  for (let call = 0; call < 3; call++) checkBits(matmul(x, w), expected);
  assertEquals(formsOf(w), 1);
  const captured = matrix(data);
  const constant = jit((x: Tensor) => matmul(x, captured)), state = jit((x: Tensor) => matmul(x, s.value));
  for (let call = 0; call < 3; call++) {
    checkBits(constant(x), expected);
    checkBits(state(x), expected);
  }
  assertEquals([formsOf(captured), formsOf(s)], [1, 1]);
});

Deno.test("two programs share the panels of one weight", () => {
  const data = numbers(SIZE * SIZE), w = matrix(data);
  const f = jit((x: Tensor) => matmul(x, w)), g = jit((x: Tensor) => matmul(x, w).mul(2));
  const before = stats().forms, few = rows(5), many = rows(40);
  for (let call = 0; call < 3; call++) {
    checkBits(f(few), truth(few, data));
    checkBits(g(many), truth(many, data).map((value) => 2 * value));
  }
  assertEquals(formsOf(w), 1);
  assert(stats().forms <= before + 1);
  // Turned, the operand is read in another order.
  const h = jit((x: Tensor) => matmul(x, w.T));
  for (let call = 0; call < 3; call++) checkBits(h(few), truth(few, data, true));
  assertEquals(formsOf(w), 2);
  assert(stats().forms <= before + 2);
  w.dispose();
  assert(stats().forms <= before);
});

Deno.test("parts of one operand have panels of their own", () => {
  const data = numbers(2 * SIZE * SIZE), both = tensor(data, { shape: [2, SIZE, SIZE] }), x = rows(6);
  const f = jit((x: Tensor) => [matmul(x, both.at(0)), matmul(x, both.at(1))]);
  for (let call = 0; call < 3; call++) {
    f(x).forEach((part, i) => checkBits(part, truth(x, data.slice(i * SIZE * SIZE, (i + 1) * SIZE * SIZE))));
  }
  assertEquals(formsOf(both), 2);
});

Deno.test("weights that change before every call are not kept, and leave nothing behind", () => {
  const x = rows(5), w = shared(matrix());
  const train = jit((x: Tensor) => {
    const y = matmul(x, w.value);
    w.value = w.value.sub(y.sum().mul(1e-6));
    return y;
  });
  const before = stats().forms;
  for (let call = 0; call < 30; call++) {
    train(x);
    assertEquals(formsOf(w), 0);
    assert(stats().forms <= before);
  }
});

Deno.test("thousands of weights that come and go leave no panels behind", () => {
  const x = rows(5), f = jit((x: Tensor, w: Tensor) => matmul(x, w));
  f(x, probe);
  const { forms, resident } = stats();
  for (let i = 0; i < 300; i++) {
    const w = probe.mul(i);
    for (let call = 0; call < 3; call++) f(x, w).dispose();
    assertEquals(formsOf(w), 1);
    w.dispose();
  }
  assert(stats().forms <= forms);
  assert(stats().resident <= resident + (1 << 20));
});
