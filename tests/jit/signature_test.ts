import { assertEquals, assertNotEquals } from "@std/assert";
import { Tensor, tensor } from "@damo/damo";
import type { RunInput } from "../../lib/jit/backend.ts";
import {
  type Arguments,
  argumentsKey,
  buildGuards,
  describeSignature,
  fill,
  firstChange,
  flattenArguments,
  signatureParts,
  staticKey,
} from "../../lib/jit/signature.ts";

function take(args: unknown[], names: string[], statics: number[] = []): Arguments {
  return flattenArguments(args, names, statics, () => new Tensor({ shape: [], dtype: "bool" }, null));
}

function fits(made: unknown[], given: unknown[], integral: (boolean | null)[] = []): boolean {
  const names = made.map((_, i) => `a${i}`);
  const args = take(made, names);
  const guards = buildGuards(args, args.leaves.map((_, i) => integral[i] ?? null));
  const inputs: RunInput[] = [];
  let at = 0;
  for (let i = 0; i < guards.length && at >= 0; i++) at = fill(guards[i], given[i], "wasm", inputs, at);
  if (at >= 0) assertEquals(inputs.length, args.leaves.length);
  return at >= 0;
}

Deno.test("guards take what has the same structure and types, and nothing else", () => {
  const x = tensor([1, 2]), y = tensor([3, 4]), z = tensor([[1]]), n = tensor([1, 2], { dtype: "int32" });
  assertEquals(fits([x], [y]), true);
  assertEquals(fits([x], [z]), false);
  assertEquals(fits([x], [n]), false);
  assertEquals(fits([x], [3]), false);
  assertEquals(fits([3], [4.5]), true);
  assertEquals(fits([3], [4.5], [true]), false);
  assertEquals(fits([3], [-7], [true]), true);
  assertEquals(fits([0.5], [3], [false]), false);
  assertEquals(fits(["a"], ["a"]), true);
  assertEquals(fits(["a"], ["b"]), false);
  assertEquals(fits([NaN, undefined], [NaN, undefined]), true);
  assertEquals(fits([[x, 1]], [[y, 2]]), true);
  assertEquals(fits([[x, 1]], [[y]]), false);
  assertEquals(fits([[x]], [x]), false);
  assertEquals(fits([{ a: x, b: 1 }], [{ a: y, b: 2 }]), true);
  assertEquals(fits([{ a: x, b: 1 }], [{ b: 2, a: y }]), false);
  assertEquals(fits([{ a: x }], [{ a: y, b: 2 }]), false);
  assertEquals(fits([{ a: x, b: 1 }], [{ a: y }]), false);
  assertEquals(fits([{ a: x }], [null]), false);
  assertEquals(fits([{}], [{}]), true);
  assertEquals(fits([{}], [new Map()]), false);
});

Deno.test("guards send disposed tensors and literals to the slow path", () => {
  const x = tensor([1]), gone = tensor([1]);
  gone.dispose();
  assertEquals(fits([x], [gone]), false);
  assertEquals(fits([tensor(1)], [Tensor.literal(1, "float32")]), false);
});

Deno.test("keys tell structures, types, static values and devices apart", () => {
  const x = tensor([1, 2]), z = tensor([[1, 2]]);
  const key = (args: unknown[], statics: number[] = []) =>
    argumentsKey(take(args, args.map((_, i) => `a${i}`), statics), "wasm");
  assertEquals(key([x, 1]), key([tensor([5, 6]), 2.5]));
  const all = [
    key([x]),
    key([z]),
    key([x.cast("int32")]),
    key([[x]]),
    key([{ x }]),
    key([{ y: x }]),
    key([1]),
    key(["1"]),
    key([true]),
    key([null]),
    key([undefined]),
    key([x, x]),
    key([[x, x]]),
    key([() => 1]),
    key([() => 1]),
    key([1], [0]),
    key([2], [0]),
    key([[1, 2]], [0]),
    key([[1, [2]]], [0]),
    key([{ a: 1 }], [0]),
  ];
  assertEquals(new Set(all).size, all.length);
  assertNotEquals(argumentsKey(take([x], ["x"]), "webgpu"), key([x]));
});

Deno.test("static values: plain data by contents, everything else by identity", () => {
  assertEquals(staticKey([1, { a: "x" }]), staticKey([1, { a: "x" }]));
  assertNotEquals(staticKey([1, { a: "x" }]), staticKey([1, { a: "y" }]));
  assertNotEquals(staticKey(0), staticKey(-0));
  assertNotEquals(staticKey("1"), staticKey(1));
  const a = new Date(0), b = new Date(0);
  assertNotEquals(staticKey(a), staticKey(b));
  assertEquals(staticKey(a), staticKey(a));
});

Deno.test("signatures in words and what changed between two", () => {
  const parts = (args: unknown[], integral: (boolean | null)[] = []) => {
    const taken = take(args, ["params", "rate", "mode"]);
    return signatureParts(taken, ["params", "rate", "mode"], taken.leaves.map((_, i) => integral[i] ?? null));
  };
  const x = tensor([1, 2]);
  const first = parts([{ w: x, deep: [x] }, 0.5, "train"]);
  assertEquals(
    describeSignature(first),
    'params.w: float32[2], params.deep[0]: float32[2], rate: number, mode: "train"',
  );
  assertEquals(firstChange(first, parts([{ w: x, deep: [x] }, 2, "train"])), null);
  assertEquals(firstChange(first, parts([{ w: x, deep: [x, x] }, 2, "train"])), {
    path: "params.deep[1]",
    before: "nothing",
    after: "float32[2]",
  });
  assertEquals(firstChange(first, parts([{ w: x, deep: [] }, 2, "train"])), {
    path: "params.deep[0]",
    before: "float32[2]",
    after: "nothing",
  });
  assertEquals(firstChange(first, parts([{ w: x, deep: [x] }, 2, false])), {
    path: "mode",
    before: '"train"',
    after: "false",
  });
});
