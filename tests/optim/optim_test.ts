/** Optimisers against NumPy over several steps, their state, schedules and errors. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  DamoError,
  DTypeError,
  grad,
  io,
  jit,
  ones,
  optim,
  ShapeError,
  type Shared,
  shared,
  type Tensor,
  tensor,
} from "@damo/damo";
import { numbers } from "../support/operands.ts";
import { deviceTest, widest, within } from "../support/devices.ts";

interface OptimCase {
  readonly name: "sgd" | "adam" | "adamW" | "rmsProp" | "adaGrad" | "adaDelta";
  readonly options: Readonly<Record<string, unknown>>;
  /** The parameters after each step. */
  readonly path: readonly (readonly number[])[];
}

const cases: OptimCase[] = JSON.parse(
  Deno.readTextFileSync(new URL("../golden/optim.json", import.meta.url)),
);

function start(): [Tensor, Tensor] {
  return [
    widest([1, -0.5, 0.25]),
    widest([[2], [0]]),
  ];
}

/** The gradients of tests/golden/optim.py: a rule of place and step, times 1 + parameter. */
function gradients(params: readonly Tensor[], t: number): Tensor[] {
  let first = 0;
  return params.map((p) => {
    const rule = Array.from({ length: p.size }, (_, i) => ((7 * (first + i) + 5 * t) % 11 - 5) / 4);
    first += p.size;
    return widest(rule, p.shape).mul(p.add(1));
  });
}

function make({ name, options }: OptimCase, params: unknown): optim.Optimizer {
  const { lr, ...rest } = options;
  const schedule = (lr as { cosine?: [number, number, number] } | undefined)?.cosine;
  const rate = schedule ? optim.schedule.cosine(schedule[0], schedule[1], { final: schedule[2] }) : lr;
  return optim[name](params, { ...rest, ...(rate === undefined ? {} : { lr: rate as number }) });
}

/** Schedules compute in float32, everything else in float64. */
function assertPath(found: readonly number[], test: OptimCase, step: number): void {
  const tolerance = typeof test.options.lr === "object" ? 1e-6 : 1e-12;
  found.forEach((value, i) => {
    const expected = test.path[step][i];
    assert(
      Math.abs(value - expected) <= within(tolerance) * Math.max(1, Math.abs(expected)),
      `${test.name} ${JSON.stringify(test.options)}: parameter ${i} after step ${
        step + 1
      } is ${value}, not ${expected}`,
    );
  });
}

for (const test of cases) {
  deviceTest(`${test.name} ${JSON.stringify(test.options)} walks as NumPy does, shared and pure`, () => {
    const params = start().map((value) => shared(value));
    const optimizer = make(test, params);
    for (let t = 1; t <= test.path.length; t++) {
      optimizer.step(gradients(params.map((p) => p.value), t));
      assertPath(params.flatMap((p) => numbers(p.value)), test, t - 1);
    }
    let pure: { a: Tensor; b: Tensor[] } = { a: start()[0], b: [start()[1]] };
    const own = make(test, pure);
    let state = own.init(pure);
    const apply = jit((g: Tensor[], s: optim.OptimizerState, p: typeof pure) =>
      own.apply({ b: [g[1]], a: g[0] }, s, p)
    );
    for (let t = 1; t <= test.path.length; t++) {
      [pure, state] = apply(gradients([pure.a, pure.b[0]], t), state, pure) as unknown as [
        typeof pure,
        typeof state,
      ];
      assertPath([...numbers(pure.a), ...numbers(pure.b[0])], test, t - 1);
    }
    assertEquals(state.step.itemSync(), 5);
  });
}

deviceTest("a compiled step trains, with the rate as an argument too, and without new traces", () => {
  const w = shared([3, -2], { name: "w" });
  const optimizer = optim.sgd({ w }, { lr: 0.1, momentum: 0.5 });
  const step = jit((lr: number) => {
    const cost = w.value.square().sum();
    optimizer.step({ w: grad(cost, w) }, { lr });
    return cost;
  });
  let cost = Infinity;
  for (let i = 0; i < 60; i++) cost = step(0.1 / (1 + i / 100)).itemSync();
  assert(cost < 1e-3);
  assertEquals(step.traces.length, 1);
  assertEquals(optimizer.state().get("step")!.value.itemSync(), 60);
});

deviceTest("a schedule inside a compiled step follows the steps without new traces", () => {
  const w = shared([0]);
  const optimizer = optim.sgd([w], { lr: optim.schedule.step(1, 2, { factor: 0.5 }) });
  const step = jit(() => optimizer.step([ones([1]).neg()]));
  const path: number[] = [];
  for (let i = 0; i < 6; i++) {
    step();
    path.push(w.value.itemSync());
  }
  assertEquals(path, [1, 2, 2.5, 3, 3.25, 3.5]);
  assertEquals(step.traces.length, 1);
});

deviceTest("schedules give the rates of their formulas", () => {
  const at = (schedule: optim.Schedule, steps: readonly number[]) => steps.map((t) => schedule(t).itemSync());
  const near = (found: readonly number[], expected: readonly number[]) =>
    found.forEach((value, i) =>
      assert(Math.abs(value - expected[i]) < 1e-6, `${found} instead of ${expected}`)
    );
  near(at(optim.schedule.constant(0.3), [0, 100]), [0.3, 0.3]);
  near(at(optim.schedule.cosine(1, 10, { final: 0.2 }), [0, 5, 10, 99]), [1, 0.6, 0.2, 0.2]);
  near(at(optim.schedule.step(1, 3), [0, 2, 3, 6]), [1, 1, 0.1, 0.01]);
  near(at(optim.schedule.warmup(optim.schedule.cosine(1, 4), 2), [0, 1, 2, 4, 6]), [0.5, 1, 1, 0.5, 0]);
  assertThrows(() => optim.schedule.cosine(1, 0), DamoError, "steps is 0");
  assertThrows(() => optim.schedule.step(-1, 2), DamoError, "lr is -1");
});

deviceTest("training goes on from saved state as if it had not stopped", async () => {
  const build = () => {
    const params = { w: shared([1, 2]), deep: [shared(3)] };
    const optimizer = optim.adam(params, { lr: 0.1 });
    const step = jit(() => {
      const cost = params.w.value.square().sum().add(params.deep[0].value.square());
      optimizer.step(grad(cost, params));
    });
    return { params, optimizer, step };
  };
  const whole = build(), first = build(), second = build();
  for (let i = 0; i < 6; i++) whole.step();
  for (let i = 0; i < 3; i++) first.step();
  assertEquals([...first.optimizer.state().keys()], [
    "step",
    "w.mean",
    "w.square",
    "deep.0.mean",
    "deep.0.square",
  ]);
  const bytes = await io.encode(
    { optimizer: first.optimizer.stateDict(), w: first.params.w, deep: first.params.deep[0] },
    "safetensors",
  );
  const loaded = await io.decode(bytes) as unknown as {
    optimizer: Record<string, Tensor>;
    w: Tensor;
    deep: Tensor;
  };
  second.optimizer.loadStateDict(loaded.optimizer);
  second.params.w.value = loaded.w;
  second.params.deep[0].value = loaded.deep;
  for (let i = 0; i < 3; i++) second.step();
  assertEquals(numbers(second.params.w.value), numbers(whole.params.w.value));
  assertEquals(numbers(second.params.deep[0].value), numbers(whole.params.deep[0].value));
  assertThrows(() => second.optimizer.loadStateDict({ step: tensor(1) }), DamoError, "missing: w.mean");
});

deviceTest("clipping shortens all gradients together and only when they are too long", () => {
  const tree = { a: tensor([3, 0]), b: [tensor([[4]])] };
  assertEquals(optim.globalNorm(tree).itemSync(), 5);
  const clipped = optim.clipByGlobalNorm(tree, 2.5);
  assertEquals([numbers(clipped.a), numbers(clipped.b[0])], [[1.5, 0], [2]]);
  assertEquals(numbers(optim.clipByGlobalNorm(tree, 10).a), [3, 0]);
  assertEquals(numbers(optim.clipByGlobalNorm([tensor([0, 0])], 1)[0]), [0, 0]);
  assertEquals(numbers(optim.clipByGlobalNorm([tensor([3, 4])], 0)[0]), [0, 0]);
  assertEquals(optim.clipByGlobalNorm([tensor([3, 4], { dtype: "float16" })], 1)[0].dtype, "float16");
  assertThrows(() => optim.clipByGlobalNorm(tree, -1), DamoError, "limit is -1");
});

deviceTest("trees and options that do not fit are errors in words", () => {
  const params: { w: Shared; b: Shared } = { w: shared([1, 2]), b: shared(0) };
  const optimizer = optim.sgd(params, { lr: 0.1 });
  const g = ones([2]);
  assertThrows(() => optimizer.step({ w: g }), DamoError, "1 gradients for 2 parameters; missing: b");
  assertThrows(() => optimizer.step([g, tensor(1)]), DamoError, "unexpected: 0, 1");
  assertThrows(
    () => optimizer.step({ w: ones([3]), b: tensor(1) }),
    ShapeError,
    "the gradient of w is float32[3]",
  );
  assertThrows(
    () => optimizer.step({ w: g.cast("float16"), b: tensor(1) }),
    DTypeError,
    "the gradient of w is float16[2], the parameter float32[2]",
  );
  assertEquals(numbers(params.w.value), [1, 2]);
  assertThrows(
    () => optim.sgd([tensor([1])], { lr: 1 }).step([ones([1])]),
    DamoError,
    "is a tensor, which step",
  );
  assertThrows(
    () => optim.sgd({ w: 3 }, { lr: 1 }),
    DamoError,
    "the tree of parameters at w is 3, no tensor",
  );
  assertThrows(() => optim.sgd([], { lr: -1 }), DamoError, "lr is -1");
  assertThrows(() => optim.adam([], { beta1: 1 }), DamoError, "Pass a number from 0 to below 1");
  assertThrows(() => optim.sgd([], { nesterov: true }), DamoError, "nesterov without momentum");
  const unknown = { rate: 1 } as unknown as optim.AdamOptions;
  assertThrows(() => optim.adam([], unknown), DamoError, 'unknown option "rate"');
  const [next] = optimizer.apply({ b: tensor(1), w: g }, optimizer.init(params), params);
  assert(Math.abs((next.b as unknown as Tensor).itemSync() + 0.1) < 1e-7);
});

deviceTest("half precision parameters stay half precision", () => {
  const w = shared(tensor([1, 2], { dtype: "float16" }));
  for (const name of ["sgd", "adam", "adamW", "rmsProp", "adaGrad", "adaDelta"] as const) {
    optim[name]([w], { lr: optim.schedule.constant(0.125) }).step([ones([2], { dtype: "float16" })]);
    assertEquals(w.dtype, "float16");
  }
  assert(numbers(w.value).every((value) => Number.isFinite(value) && value < 2));
});
