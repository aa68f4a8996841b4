/** Panels that outlive calls: the operand may be changed in every way between two of them, and inside one. */
import { assert, assertEquals } from "@std/assert";
import { hostCallback, jit, matmul, scan, shared, type Tensor, tensor } from "@damo/damo";
import { TestRandom } from "../../support/random.ts";
import {
  checkBits,
  formsOf,
  matrix,
  numbers,
  probe,
  rows,
  SIZE,
  stats,
  storageOf,
  truth,
} from "./kept_panels.ts";

Deno.test("a shared variable updated by another function, in place, is never read stale", () => {
  const data = numbers(SIZE * SIZE), x = rows(5);
  const w = shared(matrix(data));
  const f = jit((x: Tensor) => matmul(x, w.value));
  const halve = jit(() => {
    w.value = w.value.mul(0.5);
  });
  let expected = data;
  // The first update is not in place: the value was handed in from outside.
  halve();
  expected = expected.map((value) => value / 2);
  for (let round = 0; round < 4; round++) {
    for (let call = 0; call < 3; call++) checkBits(f(x), truth(x, expected));
    assertEquals(formsOf(w), 1);
    const block = storageOf(w).block;
    halve();
    assert(storageOf(w).block === block, "the update was not in place");
    assertEquals(formsOf(w), 0);
    expected = expected.map((value) => value / 2);
  }
});

Deno.test("assigning .value takes the new contents, and those of the old value stay right", () => {
  const [a, b] = [numbers(SIZE * SIZE), numbers(SIZE * SIZE)], x = rows(4);
  const first = matrix(a), second = matrix(b);
  const w = shared(first), f = jit((x: Tensor) => matmul(x, w.value));
  for (let round = 0; round < 3; round++) {
    for (let call = 0; call < 3; call++) checkBits(f(x), truth(x, a));
    w.value = second;
    for (let call = 0; call < 3; call++) checkBits(f(x), truth(x, b));
    w.value = first;
  }
});

Deno.test("an update within the call that multiplies: the old value, then the new one", () => {
  for (const turned of [false, true]) {
    const data = numbers(SIZE * SIZE), x = rows(5);
    const w = shared(matrix(data));
    const product = (x: Tensor): Tensor => matmul(x, turned ? w.value.T : w.value);
    const f = jit(product);
    const step = jit((x: Tensor) => {
      const y = product(x);
      w.value = w.value.mul(0.5);
      return y;
    });
    const stepAndLook = jit((x: Tensor) => {
      const y = product(x);
      w.value = w.value.mul(0.5);
      return [y, product(x)];
    });
    let expected = data;
    const halve = (): void => void (expected = expected.map((value) => value / 2));
    for (let round = 0; round < 3; round++) {
      for (let call = 0; call < 3; call++) checkBits(f(x), truth(x, expected, turned));
      checkBits(step(x), truth(x, expected, turned));
      halve();
      for (let call = 0; call < 3; call++) {
        const [before, after] = stepAndLook(x);
        checkBits(before, truth(x, expected, turned));
        halve();
        checkBits(after, truth(x, expected, turned));
      }
    }
    assertEquals(formsOf(w), 0);
    for (let call = 0; call < 3; call++) checkBits(f(x), truth(x, expected, turned));
  }
});

Deno.test("two uses in the call that updates in place, one of them in a loop", () => {
  const data = numbers(SIZE * SIZE).map((value) => value / 16), x = rows(5);
  const w = shared(matrix(data));
  const step = jit((x: Tensor) => {
    const once = matmul(x, w.value);
    const [often] = scan((h: Tensor) => [matmul(h, w.value), undefined], x, undefined, { length: 4 });
    w.value = w.value.mul(0.5);
    return [once, often];
  });
  let expected = data;
  for (let call = 0; call < 5; call++) {
    const [once, often] = step(x);
    checkBits(once, truth(x, expected));
    let h = x;
    for (let i = 0; i < 4; i++) h = tensor(truth(h, expected), { shape: x.shape as number[] });
    checkBits(often, h.dataSync() as Float32Array, `call ${call}`);
    expected = expected.map((value) => value / 2);
  }
});

Deno.test("a donated operand: what takes its block over is multiplied by, not what was there", () => {
  const data = numbers(SIZE * SIZE), x = rows(5);
  const f = jit((x: Tensor, w: Tensor) => matmul(x, w));
  const negate = jit((w: Tensor) => w.neg(), { donate: [0] }), same = jit((w: Tensor) => w, { donate: [0] });
  const both = jit((x: Tensor, w: Tensor) => [matmul(x, w), w.mul(0.5)], { donate: [1] });
  let w = matrix(data);
  for (let call = 0; call < 3; call++) checkBits(f(x, w), truth(x, data));
  const block = storageOf(w).block;
  w = negate(w);
  assert(storageOf(w).block === block, "the block was not taken over");
  assertEquals(formsOf(w), 0);
  let expected = data.map((value) => -value);
  for (let call = 0; call < 3; call++) checkBits(f(x, w), truth(x, expected));
  // Handed through, it has the contents that it had, and their panels.
  w = same(w);
  assertEquals(formsOf(w), 1);
  checkBits(f(x, w), truth(x, expected));
  for (let call = 0; call < 3; call++) {
    const [y, next] = both(x, w);
    checkBits(y, truth(x, expected));
    w = next;
    expected = expected.map((value) => value / 2);
    checkBits(f(x, w), truth(x, expected));
  }
});

Deno.test("a callback inside the call that updates, replaces or disposes of what the call multiplies by", () => {
  const data = numbers(SIZE * SIZE), x = rows(5), w = shared(matrix(data));
  const halve = jit(() => {
    w.value = w.value.mul(0.5);
  });
  const replacement = numbers(SIZE * SIZE);
  const constant = matrix(data);
  let act = (): void => {};
  const pass = (x: Tensor): Tensor =>
    hostCallback(
      (x: Tensor) => {
        act();
        return x;
      },
      { shape: [5, SIZE], dtype: "float32" },
      x,
    );
  const f = jit((x: Tensor) => matmul(pass(x), w.value)),
    g = jit((x: Tensor, w: Tensor) => matmul(pass(x), w));
  const product = jit((x: Tensor) => matmul(x, w.value));
  halve();
  let expected = data.map((value) => value / 2);
  for (let round = 0; round < 3; round++) {
    for (let call = 0; call < 3; call++) checkBits(f(x), truth(x, expected));
    assertEquals(formsOf(w), 1);
    act = () => {
      halve();
      checkBits(product(x), truth(x, expected.map((value) => value / 2)));
    };
    checkBits(f(x), truth(x, expected), "the value at the start of the call");
    act = () => {};
    expected = expected.map((value) => value / 2);
    checkBits(f(x), truth(x, expected), "the new value");
  }
  act = () => {
    w.value = matrix(replacement);
  };
  checkBits(f(x), truth(x, expected));
  act = () => {};
  for (let call = 0; call < 3; call++) checkBits(f(x), truth(x, replacement));

  for (let call = 0; call < 3; call++) checkBits(g(x, constant), truth(x, data));
  assertEquals(formsOf(constant), 1);
  const { forms } = stats();
  act = () => constant.dispose();
  checkBits(g(x, constant), truth(x, data));
  assert(stats().forms <= forms - 1);
});

Deno.test("any mixture of uses, updates, donations, disposals and lack of memory gives the right bits", () => {
  const inputs = [2, 5, 12, 33].map(rows);
  const variables = Array.from({ length: 3 }, () => {
    const data = numbers(SIZE * SIZE);
    return { data, value: shared(matrix(data)) };
  });
  const tensors = Array.from({ length: 3 }, () => {
    const data = numbers(SIZE * SIZE);
    return { data, value: matrix(data) };
  });
  const by = (factor: number) => jit((w: Tensor) => w.mul(factor), { donate: [0] });
  const donated = by(-1);
  const plain = jit((x: Tensor, w: Tensor) => matmul(x, w)),
    turned = jit((x: Tensor, w: Tensor) => matmul(x, w.T));
  const programs = variables.map(({ value }) => ({
    read: jit((x: Tensor) => matmul(x, value.value)),
    readTurned: jit((x: Tensor) => matmul(x, value.value.T).neg()),
    update: jit(() => {
      value.value = value.value.neg();
    }),
    step: jit((x: Tensor) => {
      const y = matmul(x, value.value);
      value.value = value.value.mul(-1);
      return y;
    }),
  }));
  const random = new TestRandom(11);
  let kept = 0;
  for (let step = 0; step < 600; step++) {
    const label = `step ${step}`;
    const x = random.pick(inputs), i = random.below(3);
    const variable = variables[i], program = programs[i], constant = tensors[i];
    const negated = (data: Float32Array): Float32Array<ArrayBuffer> =>
      Float32Array.from(data, (value) => -value);
    switch (random.below(20)) {
      case 0:
        program.update();
        variable.data = negated(variable.data);
        break;
      case 1:
        checkBits(program.step(x), truth(x, variable.data), label);
        variable.data = negated(variable.data);
        break;
      case 2:
        variable.data = numbers(SIZE * SIZE);
        variable.value.value = matrix(variable.data);
        break;
      case 3:
        constant.value = donated(constant.value);
        constant.data = negated(constant.data);
        break;
      case 4:
        constant.value.dispose();
        constant.data = numbers(SIZE * SIZE);
        constant.value = matrix(constant.data);
        break;
      case 5: {
        const { cache } = storageOf(probe).heap;
        if (random.below(6) === 0) cache.shrink(random.below(2) * 1_000_000);
        break;
      }
      case 6:
      case 7:
        kept += formsOf(constant.value);
        checkBits(turned(x, constant.value), truth(x, constant.data, true), label);
        break;
      case 8:
      case 9:
        kept += formsOf(constant.value);
        checkBits(plain(x, constant.value), truth(x, constant.data), label);
        break;
      case 10:
        checkBits(matmul(x, variable.value.value), truth(x, variable.data), label);
        break;
      case 11:
        checkBits(program.readTurned(x), truth(x, variable.data, true).map((value) => -value), label);
        break;
      default:
        kept += formsOf(variable.value);
        checkBits(program.read(x), truth(x, variable.data), label);
    }
  }
  assert(kept > 60, `panels were there in ${kept} uses`);
});
