import { assertEquals, assertThrows } from "@std/assert";
import {
  cond,
  grad,
  jit,
  loop,
  LoopError,
  scan,
  shared,
  switchCase,
  type Tensor,
  tensor,
  vmap,
} from "@damo/damo";
import { checkDerivatives, f64, loopTest, typed, values } from "./both_executors.ts";

const branchy = (x: Tensor) =>
  cond(x.gt(0), (y) => ({ a: y.mul(x).add(0.5), b: 1 }), (y) => ({ a: y.neg().mul(x), b: x }), x.mul(2));

loopTest("cond takes one of two branches, with operands, captured tensors and plain numbers", ({ mode }) => {
  const compiled = jit(branchy, { mode });
  for (const f of [branchy, compiled]) {
    assertEquals(values(f(f64(3))), { a: 18.5, b: 1 });
    assertEquals(values(f(f64(-3))), { a: -18, b: -3 });
  }
  assertEquals(compiled.cacheSize, 1);
});

Deno.test("plain numbers as operands take the dtype of what they meet", () => {
  const scaled = (p: Tensor, x: Tensor, k: number | Tensor) =>
    cond(p, (x, k) => x.mul(k), (x, k) => x.add(k), x, k);
  const x = tensor(3, { dtype: "float64" });
  for (const f of [scaled, jit(scaled)]) {
    assertEquals(f(tensor(true), x, 0.1).itemSync(), 3 * 0.1);
    assertEquals(f(tensor(false), x, 0.1).itemSync(), 3 + 0.1);
    assertEquals(f(tensor(true), tensor(3, { dtype: "int32" }), 2).dtype, "int32");
  }
  assertEquals(switchCase(1, [(x, k) => x.add(k), (x, k) => x.mul(k)], x, 0.1).itemSync(), 3 * 0.1);
  assertEquals(grad((x: Tensor) => scaled(tensor(true), x, 0.1))(x).itemSync(), 0.1);
});

loopTest("branches may compute plain numbers of a traced number", ({ mode }) => {
  const f = jit((p: Tensor, k: number) => {
    const own = tensor(k);
    return [
      cond(p, () => own.mul(2), () => own.add(1)),
      switchCase(0, [() => own.div(2), () => own]),
    ];
  }, { mode });
  assertEquals([values(f(tensor(true), 3)), values(f(tensor(false), 3))], [[6, 1.5], [4, 1.5]]);
  const weak = jit((p: Tensor, k: number) => cond(p, (k) => k.mul(2), (k) => k.add(1), k), { mode });
  assertEquals([values(weak(tensor(true), 3)), values(weak(tensor(false), 0.5))], [6, 1.5]);
});

loopTest("switchCase clamps its index", () => {
  const pick = (i: number) =>
    values(switchCase(typed(i, "int32"), [(x) => x, (x) => x.mul(10), (x) => x.mul(100)], f64(7)));
  assertEquals([-5, 0, 1, 2, 9].map(pick), [7, 7, 70, 700, 700]);
  assertEquals(values(switchCase(1, [() => f64(1), () => f64(2)])), 2);
});

loopTest("derivatives follow the branch that is taken", () => {
  const f = (x: Tensor) => branchy(x).a;
  checkDerivatives(f, [f64(0.7)]);
  checkDerivatives(f, [f64(-0.7)]);
  checkDerivatives(
    (x: Tensor) => switchCase(typed(1, "int32"), [(y) => y, (y) => y.mul(x).exp(), (y) => y.sin()], x),
    [f64(0.3)],
  );
});

loopTest("a batched condition chooses for each example", () => {
  const f = vmap((x: Tensor) => branchy(x).a);
  assertEquals(values(f(f64([3, -3]))), [18.5, -18]);
  checkDerivatives((x: Tensor) => f(x).sum(), [f64([0.7, -0.4])]);
  const shared = vmap((x: Tensor) => cond(f64(1).gt(0), (y) => y.mul(2), (y) => y, x));
  assertEquals(values(shared(f64([3, -3]))), [6, -6]);
});

loopTest("derivatives of a batched condition are 0 where another branch is taken, next to infinities", () => {
  const f = vmap(
    (v: Tensor, w: Tensor) =>
      cond(v.gt(0), (v: Tensor) => v.sqrt().mul(w.log()), (v: Tensor) => v.neg().mul(w), v),
    { inAxes: [0, null] },
  );
  const gradients = grad((v: Tensor, w: Tensor) => f(v, w).sum(), { argnums: [0, 1] });
  assertEquals(values(gradients(f64([-1, 0, 4]), f64(1))), [[-1, -1, 0], 3]);
  // The logarithm of a negative number is nobody's.
  assertEquals(values(gradients(f64([-1, 0]), f64(-2))), [[2, 2], 1]);
  const second = grad((v: Tensor, w: Tensor) => gradients(v, w)[1].mul(w), { argnums: 1 });
  assertEquals(values(second(f64([-1, 0]), f64(-2))), 1);
  const product = vmap(
    (v: Tensor, m: Tensor) => cond(v.at(0).gt(0), (v: Tensor) => v.log().dot(m), (v: Tensor) => v, v),
    { inAxes: [0, null] },
  );
  const rows = f64([[1, 1], [-1, 0]]), m = f64([[1, 2], [3, 4]]);
  const both = grad((v: Tensor, m: Tensor) => product(v, m).sum(), { argnums: [0, 1] })(rows, m);
  assertEquals(values(both), [[[3, 7], [1, 1]], [[0, 0], [0, 0]]]);
});

loopTest("switchCase with an index per example, beyond its ends too", () => {
  const f = vmap((i: Tensor, x: Tensor) =>
    switchCase(i, [(x: Tensor) => x.sqrt(), (x: Tensor) => x.mul(2), (x: Tensor) => x.square()], x)
  );
  const index = typed([-3, 0, 1, 2, 7], "int32"), x = f64([4, 16, -1, 1, 2]);
  assertEquals(values(f(index, x)), [2, 4, -2, 1, 4]);
  const g = grad((x: Tensor) => f(index, x).sum())(x);
  assertEquals(values(g), [0.25, 0.125, 2, 2, 4]);
});

loopTest("a Shared assigned in one branch keeps its value in the other", ({ mode }) => {
  const s = shared(f64(1), { name: "s" });
  const step = (x: Tensor) =>
    cond(x.gt(0), (y) => {
      s.value = s.value.add(y);
      return y;
    }, (y) =>
      y.neg(), x);
  for (const f of [step, jit(step, { mode })]) {
    s.value = f64(1);
    assertEquals(values(f(f64(5))), 5);
    assertEquals(values(f(f64(-5))), 5);
    assertEquals(values(s.value), 6);
  }
});

loopTest("the gradient with respect to a captured Shared", () => {
  const w = shared(f64(3));
  const g = jit((x: Tensor) =>
    grad(cond(x.gt(0), (y) => y.mul(w.value), (y) => y, x) as Tensor, w) as Tensor
  );
  assertEquals([values(g(f64(2))), values(g(f64(-2)))], [2, 0]);
});

Deno.test("branches that disagree are an error with both types", () => {
  const t = tensor(true), x = tensor([1, 2]);
  assertThrows(
    () => cond(t, (x) => x, (x) => x.sum(), x),
    LoopError,
    "float32[] from whenFalse and float32[2] from whenTrue",
  );
  assertThrows(
    // deno-lint-ignore no-explicit-any -- wrong on purpose
    () => cond(t, (x) => [x], (x) => x as any, x),
    LoopError,
    "do not return the same structure",
  );
  assertThrows(() => cond(x, (x) => x, (x) => x, x), LoopError, "must be one bool, got float32[2]");
  assertThrows(() => switchCase(tensor(0.5), [() => x]), LoopError, "the index is float32[]");
  assertThrows(() => switchCase(0, []), LoopError, "no functions");
});

loopTest("a branch may return a tensor of its surroundings", ({ mode }) => {
  const fn = (x: Tensor) => {
    const twice = x.mul(2);
    return cond(x.gt(0), () => twice, (x) => x, x) as Tensor;
  };
  for (const f of [jit(fn, { mode }), jit(grad(fn), { mode })]) {
    const expected = f(f64(3)).itemSync() === 6 ? [6, -3] : [2, 1];
    assertEquals([values(f(f64(3))), values(f(f64(-3)))], expected);
  }
});

loopTest(
  "a state that a branch assigns goes on with that value; other branches leave it alone",
  ({ mode }) => {
    const f = (xs: Tensor) => {
      const sum = loop.state(0), skipped = loop.state(typed(0, "int32")), rows = loop.stack();
      for (const x of loop.over(xs)) {
        const row = cond(x.gt(0), () => {
          for (const i of loop.range(3)) {
            cond(i.gt(1), () => {
              sum.value = sum.value.add(x.mul(i));
            }, () => {});
          }
          return sum.value;
        }, () => {
          skipped.value = skipped.value.add(1);
          return x;
        });
        rows.push(row);
      }
      return [sum.value, skipped.value, rows.value];
    };
    for (const run of [f, jit(f, { mode })]) {
      assertEquals(values(run(f64([1, -2, 3]))), [8, 1, [2, -2, 8]]);
      assertEquals(values(run(f64([-1]))), [0, 1, [-1]]);
    }
    const rotated = (x: Tensor) => {
      const s = loop.state({ a: f64(1), b: [f64(2)] });
      for (const i of loop.range(3)) {
        switchCase(i, [
          () => {
            s.value = { a: s.value.a.add(x), b: s.value.b };
          },
          () => {
            s.value = { a: s.value.b[0], b: [s.value.a] };
          },
          () => {},
        ]);
      }
      return s.value;
    };
    for (const run of [rotated, jit(rotated, { mode })]) {
      assertEquals(values(run(f64(3))), { a: 2, b: [4] });
    }
  },
);

loopTest("derivatives and batches of states that branches assign", () => {
  const f = (xs: Tensor) => {
    const h = loop.state(f64(1));
    for (const x of loop.over(xs)) {
      cond(x.gt(0), () => {
        h.value = h.value.mul(x);
      }, () => {
        h.value = h.value.sub(x.square());
      });
    }
    return h.value;
  };
  checkDerivatives(f, [f64([2, -0.5, 3])]);
  assertEquals(values(vmap(f)(f64([[2, -1, 3], [-1, 1, -1]]))), [3, -1]);
});

Deno.test("a state that a branch gives another type, or assigns in a function traced inside it", () => {
  const h = loop.state(f64(0));
  const reshaped = () =>
    cond(tensor(true), () => {
      h.value = h.value.reshape([1]);
    }, () => {});
  assertThrows(reshaped, LoopError, "h (made at cond_test.ts:");
  assertThrows(reshaped, LoopError, "is float64[] from whenFalse and float64[1] from whenTrue");
  const stepped = () =>
    scan(
      (c, x) => {
        h.value = h.value.add(x);
        return [c, null];
      },
      0,
      f64([1]),
    );
  assertThrows(stepped, LoopError, "neither the body of its loop nor a branch in it");
  assertEquals(values(h.value), 0);
});
