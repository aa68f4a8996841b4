import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  batch,
  computed,
  DamoError,
  DisposedError,
  effect,
  jit,
  shared,
  type Tensor,
  tensor,
} from "@damo/damo";
import { deviceTest } from "../support/devices.ts";

deviceTest("a computed value is lazy, and computed again only when what it read has changed", () => {
  let traces = 0;
  const a = shared(1), b = shared(10);
  const sum = computed(() => (traces++, a.value.add(1)));
  assertEquals(traces, 0);
  const first = sum.value;
  assertEquals(first.itemSync(), 2);
  assertStrictEquals(sum.value, first, "an unchanged value is the same tensor");
  b.value = 11;
  assertStrictEquals(sum.value, first, "a variable it did not read does not matter");
  a.value = 5;
  assertEquals(sum.value.itemSync(), 6);
  assertEquals(traces, 1, "it is traced once");
});

deviceTest("computed values build on each other and trees of them work", () => {
  const x = shared([1, 2, 3]);
  const total = computed(() => x.value.sum());
  const parts = computed(() => ({ share: x.value.div(total.value), label: "share" }));
  assertEquals(parts.value.label, "share");
  x.value = [1, 1, 2];
  assertEquals(parts.value.share.arraySync(), [0.25, 0.25, 0.5]);
  assertEquals(parts.peek().share.arraySync(), [0.25, 0.25, 0.5]);
});

deviceTest("an effect runs now and once after each change of what it read", () => {
  const a = shared(1), b = shared(2);
  const seen: number[] = [];
  const stop = effect(() => {
    seen.push(Number(a.value));
  });
  a.value = 3;
  b.value = 4;
  a.value = 5;
  stop();
  a.value = 6;
  assertEquals(seen, [1, 3, 5]);
});

deviceTest("no glitches: an effect never sees a mixture of old and new", () => {
  const a = shared(1);
  const double = computed(() => a.value.mul(2));
  const triple = computed(() => a.value.mul(3));
  const seen: number[][] = [];
  effect(() => {
    seen.push([Number(a.value), Number(double.value), Number(triple.value)]);
  });
  a.value = 2;
  assertEquals(seen, [[1, 2, 3], [2, 4, 6]]);
});

deviceTest("batch runs effects once at its end, nested or not, and also when it throws", () => {
  const a = shared(0), b = shared(0);
  const seen: number[][] = [];
  effect(() => {
    seen.push([Number(a.value), Number(b.value)]);
  });
  const result = batch(() => {
    a.value = 1;
    batch(() => b.value = 1);
    a.value = 2;
    return "done";
  });
  assertEquals(result, "done");
  assertThrows(
    () =>
      batch(() => {
        a.value = 9;
        throw new Error("in the middle");
      }),
    Error,
    "in the middle",
  );
  assertEquals(seen, [[0, 0], [2, 1], [9, 1]]);
});

deviceTest("a compiled call flushes effects once, after all its updates", () => {
  const a = shared(0), b = shared(0);
  const seen: number[][] = [];
  effect(() => {
    seen.push([Number(a.value), Number(b.value)]);
  });
  const step = jit((x: Tensor) => {
    a.value = a.value.add(x);
    b.value = b.value.sub(x);
  });
  step(tensor(1));
  batch(() => {
    step(tensor(1));
    step(tensor(1));
  });
  assertEquals(seen, [[0, 0], [1, -1], [3, -3]]);
});

deviceTest("an effect depends on what compiled functions read for it", () => {
  const w = shared(2);
  const f = jit((x: Tensor) => x.mul(w.value));
  const seen: number[] = [];
  effect(() => {
    seen.push(Number(f(tensor(10))));
  });
  w.value = 3;
  assertEquals(seen, [20, 30]);
});

deviceTest("an effect on a computed value does not run when only others changed", () => {
  const a = shared(1), b = shared(1);
  const fromA = computed(() => a.value.add(1));
  let runs = 0;
  effect(() => {
    runs++;
    fromA.value.itemSync();
  });
  b.value = 2;
  assertEquals(runs, 1);
  batch(() => {
    a.value = 2;
    a.value = 3;
  });
  assertEquals(runs, 2);
});

deviceTest("peek registers nothing", () => {
  const a = shared(1);
  const next = computed(() => a.value.add(1));
  let runs = 0;
  effect(() => {
    runs++;
    a.peek();
    next.peek();
  });
  a.value = 2;
  assertEquals(runs, 1);
  assertEquals(next.value.itemSync(), 3);
});

deviceTest("dependencies are those of the last run", () => {
  const which = shared(0), a = shared(1), b = shared(2);
  const seen: number[] = [];
  effect(() => {
    seen.push(Number(Number(which.value) === 0 ? a.value : b.value));
  });
  b.value = 20;
  which.value = 1;
  a.value = 10;
  b.value = 200;
  assertEquals(seen, [1, 20, 200]);
});

deviceTest("effects made inside an effect end when it runs again", () => {
  const outer = shared(0), inner = shared(0);
  const seen: string[] = [];
  const stop = effect(() => {
    const o = Number(outer.value);
    effect(() => {
      seen.push(`${o}:${Number(inner.value)}`);
    });
  });
  inner.value = 1;
  outer.value = 1;
  inner.value = 2;
  batch(() => {
    inner.value = 3;
    outer.value = 2;
  });
  stop();
  inner.value = 9;
  assertEquals(seen, ["0:0", "0:1", "1:1", "1:2", "2:3"]);
});

deviceTest("an effect may assign other variables; their effects run in the same flush", () => {
  const celsius = shared(0), fahrenheit = shared(0);
  const seen: number[] = [];
  effect(() => {
    fahrenheit.value = celsius.value.mul(9).div(5).add(32);
  });
  effect(() => {
    seen.push(Number(fahrenheit.value));
  });
  celsius.value = 100;
  assertEquals(seen, [32, 212]);
});

deviceTest("an effect that changes what it reads is stopped with an error", () => {
  const a = shared(0);
  assertThrows(
    () =>
      effect(function counter() {
        a.value = a.value.add(1);
      }),
    DamoError,
    "The effect counter ran 100 times without coming to rest",
  );
  a.value = 0;
  assertEquals(a.value.itemSync(), 0, "the effect is gone");
});

deviceTest("errors in effects surface where they were caused, and other effects still run", () => {
  const a = shared(1);
  const seen: number[] = [];
  effect(() => {
    if (Number(a.value) === 2) throw new Error("two is forbidden");
  });
  effect(() => {
    seen.push(Number(a.value));
  });
  assertThrows(() => a.value = 2, Error, "two is forbidden");
  assertEquals(a.value.itemSync(), 2, "the assignment stands");
  a.value = 3;
  assertEquals(seen, [1, 2, 3]);
  assertThrows(
    () =>
      effect(() => {
        throw new Error("at once");
      }),
    Error,
    "at once",
  );
});

deviceTest("two failing effects are reported together", () => {
  const a = shared(1);
  for (const name of ["first", "second"]) {
    effect(() => {
      if (Number(a.value) === 2) throw new Error(name);
    });
  }
  const error = assertThrows(() => a.value = 2, AggregateError);
  assertEquals(error.errors.map((e: Error) => e.message), ["first", "second"]);
});

deviceTest("a computed value that depends on itself is an error in words", () => {
  const a = shared(1);
  const one: { readonly value: Tensor } = computed(function one(): Tensor {
    return two.value.add(a.value);
  });
  const two: { readonly value: Tensor } = computed(function two(): Tensor {
    return one.value.add(1);
  });
  assertThrows(() => one.value, DamoError, "depends on itself");
});

deviceTest("a computed value must not assign, and an effect cannot be made in a trace", () => {
  const a = shared(1, { name: "a" });
  const bad = computed(function bad() {
    a.value = a.value.add(1);
    return a.value;
  });
  assertThrows(() => bad.value, DamoError, "The computed value bad assigns the shared variable a");
  assertEquals(a.value.itemSync(), 1);
  assertThrows(() => jit(() => effect(() => {}))(), DamoError, "inside a traced function");
});

deviceTest("a disposed computed value says so", () => {
  const a = shared(1);
  const next = computed(function next() {
    return a.value.add(1);
  });
  next.value;
  next.dispose();
  assertThrows(
    () => next.value,
    DisposedError,
    "The computed value next was read after it had been disposed",
  );
});

deviceTest("a computed value whose function throws throws at each reading, and recovers", () => {
  let broken = true;
  const a = shared(1);
  const risky = computed(() => {
    if (broken) throw new Error("not ready");
    return a.value.add(1);
  });
  assertThrows(() => risky.value, Error, "not ready");
  assertThrows(() => risky.value, Error, "not ready");
  broken = false;
  assertEquals(risky.value.itemSync(), 2);
});

deviceTest("a chain of 5,000 computed values is refreshed without recursion", () => {
  const a = shared(0);
  let last: { readonly value: Tensor } = computed(() => a.value.add(1));
  for (let i = 1; i < 5000; i++) {
    const previous = last;
    last = computed(() => previous.value.add(1));
    last.value;
  }
  assertEquals(last.value.itemSync(), 5000);
  a.value = 1;
  assertEquals(last.value.itemSync(), 5001);
});
