/** What transforms refuse: options and functions that they cannot know what to do with. */
import { assertEquals, assertThrows } from "@std/assert";
import * as damo from "../../lib/mod.ts";
import { DamoError, grad, GradientError, jit, jvp, type Tensor, tensor, vjp, vmap } from "../../lib/mod.ts";

type Loose = (...args: unknown[]) => unknown;
const loose = damo as unknown as Readonly<Record<string, Loose>>;
const sum = (x: Tensor): Tensor => x.sum();

Deno.test("transforms refuse options they do not know, and values that an option cannot have", () => {
  for (const name of ["grad", "valueAndGrad", "jacobian", "jacfwd", "jacrev", "hessian"]) {
    assertThrows(() => loose[name](sum, { argnum: 1 }), DamoError, 'unknown option "argnum"');
    assertThrows(() => loose[name](sum, 1), DamoError, "options must be an object");
  }
  assertThrows(() => loose.vmap(sum, { inAxis: 1 }), DamoError, 'unknown option "inAxis"');
  assertThrows(
    () => loose.checkGrads(sum, [tensor([1])], { tol: 1 }),
    DamoError,
    'unknown option "tol"',
  );
  assertThrows(() => loose.grad(sum, { disconnected: "ignore" }), DamoError, 'disconnected is "ignore"');
  assertThrows(() => loose.jacobian(sum, { mode: "backward" }), DamoError, 'mode is "backward"');
  assertThrows(() => loose.checkGrads(sum, [tensor([1])], { modes: ["fwd"] }), DamoError, '"fwd"');
  const cost = (options: object): unknown => jit((x: Tensor) => grad(x.sum(), x, options))(tensor([1]));
  assertThrows(() => cost({ knowngrads: [] }), DamoError, 'unknown option "knowngrads"');
  assertThrows(() => cost({ disconnected: "ignore" }), DamoError, 'disconnected is "ignore"');
});

Deno.test("argnums are positions, each once", () => {
  const of = (argnums: unknown): unknown => (loose.grad(sum, { argnums }) as Loose)(tensor([1]));
  assertThrows(() => of("x"), GradientError, 'argnums is "x"');
  assertThrows(() => of([0, 0]), GradientError, "argnums names argument 0 twice");
  assertThrows(() => of([0, -1]), GradientError, "argnums names argument 0 twice");
  assertThrows(() => of(0.5), GradientError, "argnums has 0.5");
  assertThrows(() => of(-2), GradientError, "called with 1 arguments");
});

Deno.test("what belongs where a function is taken is named when it is none", () => {
  const one = tensor([1]);
  const transforms = ["valueAndGrad", "vmap", "jacobian", "jacfwd", "jacrev", "hessian", "checkpoint"];
  const callers = ["vjp", "linearize", "evalShape", "map", "foldl", "foldr", "reduce", "effect", "computed"];
  for (const name of [...transforms, ...callers, "batch", "customVjp", "customJvp", "checkGrads"]) {
    for (const value of [undefined, 3, one]) {
      assertThrows(() => loose[name](value, [one], [one]), DamoError, `${name}: fn must be a function`);
    }
  }
  for (const name of ["jvp", "hvp"]) {
    assertThrows(() => loose[name](one, [one], [one]), DamoError, `${name}: fn must be a function`);
  }
  assertThrows(() => loose.customVjp(sum, sum), DamoError, "customVjp: backward must be a function");
  assertThrows(() => loose.customJvp(sum), DamoError, "customJvp: rule must be a function");
  assertThrows(() => loose.scan(null, one), DamoError, "scan: step must be a function");
  assertThrows(() => loose.whileLoop(sum), DamoError, "whileLoop: body must be a function");
  assertThrows(() => loose.forLoop(3, one), DamoError, "forLoop: body must be a function");
  assertThrows(() => loose.cond(true, sum, one), DamoError, "cond: whenFalse must be a function");
  assertThrows(() => loose.switchCase(0, [sum, 4], one), DamoError, "switchCase: fns[1] must be a function");
  assertThrows(() => loose.switchCase(0, sum, one), DamoError, "no functions to choose from");
  assertThrows(() => loose.recurrence({ steps: 2 }), DamoError, "recurrence: fn must be a function");
});

Deno.test("an asynchronous function is refused by every transform", () => {
  const later = (async (x: Tensor) => await x) as unknown as (x: Tensor) => Tensor;
  const x = tensor([1]);
  assertThrows(() => vmap(later)(x), DamoError, "asynchronous");
  assertThrows(() => vjp(later, x), DamoError, "asynchronous");
  assertThrows(() => jvp(later, [x], [x]), DamoError, "asynchronous");
  assertThrows(() => damo.map(later, x), DamoError, "asynchronous");
  assertThrows(() => damo.cond(true, later, later, x), DamoError, "asynchronous");
});

Deno.test("a cotangent or tangent with a misspelt or forgotten key is no zero", () => {
  const [, pullback] = vjp((x: Tensor) => ({ a: x.mul(2), b: x.sum() }), tensor([1, 2]));
  const seed = tensor([1, 0]);
  const wrong = (cotangent: unknown): unknown => (pullback as Loose)(cotangent);
  assertThrows(() => wrong({ a: seed }), GradientError, 'cotangent has no "b"');
  assertThrows(() => wrong({ a: seed, b: 1, c: 1 }), GradientError, 'cotangent has "c"');
  assertEquals((wrong({ a: seed, b: null }) as Tensor[])[0].arraySync(), [2, 0]);
  assertThrows(
    () => loose.jvp((p: { w: Tensor }) => p.w, [{ w: seed }], [{ W: seed }]),
    GradientError,
    'tangents[0] has "W"',
  );
});

Deno.test("a hole of an array in a tree is undefined", () => {
  const holes: unknown[] = new Array(3);
  holes[1] = tensor([1]);
  const back = jit((tree: unknown) => tree)(holes) as unknown[];
  assertEquals([back.length, back[0], (back[1] as Tensor).arraySync()], [3, undefined, [1]]);
});
