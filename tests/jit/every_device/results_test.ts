import { assertEquals, assertNotStrictEquals } from "@std/assert";
import { jit, type JitOptions, ones, scope, shared, type Tensor, vmap, zerosLike } from "@damo/damo";
import { deviceTest } from "../../support/devices.ts";

const modes: JitOptions[] = [{}, { mode: "reference" }];

function first(x: Tensor): number {
  return x.ravel().at(0).itemSync() as number;
}

deviceTest("results that are equal, or are an argument, live and die on their own", () => {
  for (const options of modes) {
    const results = jit((x: Tensor) => {
      const sum = x.add(1);
      return [sum, sum, x.add(1), x, x, x.transpose().transpose(), x.mul(1)];
    }, options);
    for (let disposed = 0; disposed < 7; disposed++) {
      const x = ones([20, 30]), all = results(x);
      all[disposed].dispose();
      assertEquals(first(x), 1);
      x.dispose();
      all.forEach((result, i) => i === disposed || assertEquals(first(result), i < 3 ? 2 : 1));
    }
  }
});

deviceTest("equal results may be donated together, and none of them takes an argument with it", () => {
  for (const options of modes) {
    const start = jit((x: Tensor) => ({ mean: zerosLike(x), square: zerosLike(x), x }), options);
    const step = jit((state: { mean: Tensor; square: Tensor; x: Tensor }) => ({
      ...state,
      mean: state.mean.add(state.x),
      square: state.square.add(2),
    }), { ...options, donate: [0] });
    const x = ones([300]);
    let state = start(x);
    for (let i = 0; i < 3; i++) state = step(state);
    assertEquals([first(state.mean), first(state.square), first(state.x), first(x)], [3, 6, 1, 1]);
  }
});

deviceTest("a donated argument that comes out several times is several values", () => {
  for (const options of modes) {
    const [a, b] = jit((x: Tensor) => [x, x], { ...options, donate: [0] })(ones([300]));
    const c = jit((x: Tensor) => x.add(1), { ...options, donate: [0] })(a);
    assertEquals([first(b), first(c)], [1, 2]);
  }
});

deviceTest("results that are the old or the new value of a shared variable are the caller's own", () => {
  for (const options of modes) {
    const w = shared(ones([300]));
    const step = jit(() => {
      const old = w.value;
      w.value = old.add(1);
      return [old, w.value];
    }, options);
    const [a, b] = step(), [c, d] = step();
    // The value after the first call is the one before the second.
    c.dispose();
    assertEquals([first(a), first(b), first(d), first(w.value)], [1, 2, 3, 3]);
    const doubled = jit((x: Tensor) => x.mul(2), { ...options, donate: [0] })(d);
    step();
    assertEquals([first(doubled), first(b), first(w.value)], [6, 2, 4]);
  }
});

deviceTest("transforms outside jit that hand an argument on give a value of their own", () => {
  const x = ones([10, 30]);
  const same = scope(() => {
    const inner = vmap((row: Tensor) => row)(x);
    assertNotStrictEquals(inner, x);
    return first(inner);
  });
  assertEquals([same, first(x)], [1, 1]);
});
