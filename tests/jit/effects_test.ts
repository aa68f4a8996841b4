import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  check,
  CheckError,
  DamoError,
  DTypeError,
  grad,
  GradientError,
  hostCallback,
  jit,
  print,
  ShapeError,
  shared,
  type Tensor,
  tensor,
  valueAndGrad,
  vmap,
} from "@damo/damo";
import { deviceTest } from "../support/devices.ts";

function printed(body: () => void): string[] {
  const lines: string[] = [];
  const log = console.log;
  console.log = (text: string) => lines.push(text);
  try {
    body();
  } finally {
    console.log = log;
  }
  return lines;
}

deviceTest("print shows the value each time it is computed, and is the identity", () => {
  const f = jit((x: Tensor) => print(x.mul(2), "doubled").sum());
  const lines = printed(() => {
    assertEquals(f(tensor([1, 2])).itemSync(), 6);
    assertEquals(f(tensor([3, 4])).itemSync(), 14);
    assertEquals(print(tensor(5), "outside").itemSync(), 5);
  });
  assertEquals(lines, [
    "doubled: [2, 4] float32[2]",
    "doubled: [6, 8] float32[2]",
    "outside: 5 float32[]",
  ]);
});

deviceTest("print shows what it is asked for, in that order", () => {
  const lines = printed(() => {
    print(tensor([1, NaN, 4]), "x", { show: ["shape", "nan"] });
    print(tensor([1, 3]), "", { show: ["max", "min", "mean"] });
    print(tensor([true, false]), "b");
  });
  assertEquals(lines, [
    "x: shape float32[3], 1 NaN",
    "max 3, min 1, mean 2",
    "b: [ true, false] bool[2]",
  ]);
  assertThrows(() => print(tensor(1), "x", { show: ["median" as never] }), DamoError, "median");
  assertThrows(() => print(tensor(1), "x", { shows: [] } as never), DamoError, "shows");
});

deviceTest("prints run in order, also when nothing uses the result, and once under differentiation", () => {
  const f = jit((x: Tensor) => {
    print(x, "first");
    print(x.add(1), "second");
    return x.mul(3).sum();
  });
  assertEquals(printed(() => f(tensor([1]))), ["first: [1] float32[1]", "second: [2] float32[1]"]);
  const g = jit(grad((x: Tensor) => print(x.square(), "y").sum()));
  const lines = printed(() => assertEquals(g(tensor([3])).arraySync(), [6]));
  assertEquals(lines, ["y: [9] float32[1]"]);
});

deviceTest("print under vmap shows the whole batch", () => {
  const lines = printed(() => vmap((x: Tensor) => print(x.add(1), "row"))(tensor([[1, 2], [3, 4]])));
  assertEquals(lines.length, 1);
  assertMatch(lines[0], /^row: \[\[2, 3\],\s+\[4, 5\]\] float32\[2, 2\]$/);
});

deviceTest("print and check refuse arguments in another order, with the form that is right", () => {
  const x = tensor([1]);
  assertThrows(
    () => print(x, { show: ["mean"] } as never),
    DamoError,
    "print: label must be a text, got an object",
  );
  assertThrows(() => check(x.gt(0), x as never), DamoError, 'Write check(condition, "message", x)');
  assertThrows(() => check(x.gt(0), undefined as never), DamoError, "message must be a text, got undefined");
});

deviceTest("check throws outside at once and inside when the value is computed, naming its own line", () => {
  const root = jit((x: Tensor) => check(x.ge(0), "x must not be negative", x).sqrt());
  assertEquals(root(tensor([4, 9])).arraySync(), [2, 3]);
  const error = assertThrows(() => root(tensor([4, -1, -2])), CheckError);
  assertMatch(
    error.message,
    /^Check failed: x must not be negative \(false in 2 of 3 places\)\.\n {4}at .*effects_test\.ts:92:/,
  );
  assertThrows(() => check(false, "never"), CheckError, "Check failed: never.");
  assertThrows(() => check(tensor([1, 2]), "m"), DTypeError, "the condition must be bool, got float32[2]");
  assertEquals(check(tensor([true]), "fine").dtype, "bool");
});

deviceTest("check passes tangents through and holds for each row of a batch", () => {
  const f = (x: Tensor) => check(x.gt(0), "positive", x.square()).sum();
  const [value, g] = valueAndGrad(f)(tensor([2, 3]));
  assertEquals([value.itemSync(), g.arraySync()], [13, [4, 6]]);
  assertEquals(vmap(f)(tensor([[1, 2], [3, 4]])).arraySync(), [5, 25]);
  assertThrows(() => vmap(f)(tensor([[1, 2], [3, -4]])), CheckError, "false in 1 of 4 places");
  const threshold = tensor(0);
  assertEquals(
    vmap((x: Tensor) => check(x.gt(0), "positive", threshold))(tensor([1, 2])).arraySync(),
    [0, 0],
  );
});

deviceTest("a host callback gets concrete tensors and its result goes on in the program", () => {
  const calls: number[][] = [];
  const f = jit((x: Tensor) => {
    const y = hostCallback(
      (v: Tensor, w: Tensor) => {
        calls.push(v.arraySync() as number[]);
        return [Number(v.sum().itemSync()), Number(w.itemSync())];
      },
      { shape: [2], dtype: "float32" },
      x.add(1),
      x.max(),
    );
    return y.mul(10);
  });
  assertEquals(f(tensor([1, 2])).arraySync(), [50, 20]);
  assertEquals(f(tensor([3, 4])).arraySync(), [90, 40]);
  assertEquals(calls, [[2, 3], [4, 5]]);
});

deviceTest("a host callback may call compiled functions, the very one that runs too", () => {
  const inner: (x: Tensor, depth: number) => Tensor = jit((x: Tensor, depth: number): Tensor =>
    hostCallback(
      (v: Tensor, d: Tensor) => Number(d.itemSync()) > 0 ? inner(v.mul(2), Number(d.itemSync()) - 1) : v,
      { shape: [], dtype: "float32" },
      x,
      depth as unknown as Tensor,
    ).add(1)
  );
  assertEquals(inner(tensor(1), 3).itemSync(), 12);
});

deviceTest("what a host callback gives must be what it declared", () => {
  const wrongShape = () => hostCallback(() => [1, 2], { shape: [3], dtype: "float32" });
  assertThrows(wrongShape, ShapeError, "gave float32[2] instead of float32[3]");
  const wrongType = () => hostCallback(() => tensor([1]), { shape: [1], dtype: "int32" });
  assertThrows(wrongType, DTypeError, "gave float32[1] instead of int32");
  assertThrows(() => hostCallback(() => 1, { shape: [], dtype: "float" as never }), DTypeError, '"float"');
  assertThrows(
    () => hostCallback((() => Promise.resolve(1)) as never, { shape: [], dtype: "float32" }),
    DamoError,
    "asynchronous",
  );
});

deviceTest("a host callback has no derivative and says how to give it one", () => {
  const f = (x: Tensor) => hostCallback((v: Tensor) => v.square(), { shape: [], dtype: "float32" }, x);
  const error = assertThrows(() => grad(f)(tensor(3)), GradientError);
  assert(error.message.includes("customVjp"), error.message);
});

deviceTest("a host callback under vmap is called row by row", () => {
  const rows: unknown[] = [];
  const f = (x: Tensor, y: Tensor) =>
    hostCallback(
      (v: Tensor, w: Tensor) => {
        rows.push(v.arraySync());
        return v.add(w);
      },
      { shape: [2], dtype: "float32" },
      x,
      y,
    );
  const result = vmap(f, { inAxes: [0, null] })(tensor([[1, 2], [3, 4], [5, 6]]), tensor([10, 20]));
  assertEquals(result.arraySync(), [[11, 22], [13, 24], [15, 26]]);
  assertEquals(rows, [[1, 2], [3, 4], [5, 6]]);
});

deviceTest("a host callback that throws makes the call throw, and state keeps its value", () => {
  const w = shared([1, 2]);
  const f = jit((x: Tensor) => {
    w.value = w.value.add(x);
    return hostCallback(() => {
      throw new Error("no network");
    }, { shape: [], dtype: "float32" });
  });
  assertThrows(() => f(tensor([1, 1])), Error, "no network");
  assertEquals(w.value.arraySync(), [1, 2]);
});

Deno.test("a check is the same operation each time its line runs, and another one on another line", () => {
  const key = (body: (x: Tensor) => Tensor): string => jit((x: Tensor) => body(x)).graph(tensor(1)).key;
  const positive = (x: Tensor) => check(x.gt(0), "positive", x);
  const elsewhere = (x: Tensor) => check(x.gt(0), "positive", x);
  // Programs of loops and operations outside jit are kept under such keys.
  assertEquals(key(positive), key(positive));
  assert(key(positive) !== key(elsewhere));
});
