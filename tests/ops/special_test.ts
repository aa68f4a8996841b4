/** The composed special functions against golden values (tests/golden/special.py) on every device. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  betainc,
  checkGrads,
  chi2sf,
  type DType,
  gammainc,
  gammaincc,
  grad,
  GradientError,
  jit,
  polygamma,
  ShapeError,
  type Tensor,
  tensor,
  vmap,
} from "@damo/damo";
import { deviceTest } from "../support/devices.ts";
import golden from "../golden/special.json" with { type: "json" };

type Cell = number | string | null;

function numberOf(cell: Cell): number {
  return cell === null ? NaN : Number(cell === "inf" ? Infinity : cell === "-inf" ? -Infinity : cell);
}

interface Case {
  readonly apply: (...x: Tensor[]) => Tensor;
  /** Units in the last place in float64 and float32, and in float32 on WebGPU. */
  readonly units: readonly [number, number, number];
  /** Results below it are compared absolutely. */
  readonly floor?: number;
}

const CASES: { readonly [name in keyof typeof golden]: Case } = {
  gamma: { apply: (x) => x.gamma(), units: [4, 4, 4] },
  trigamma: { apply: (x) => x.trigamma(), units: [4, 4, 6] },
  polygamma2: { apply: (x) => x.polygamma(2), units: [4, 4, 4] },
  polygamma5: { apply: (x) => x.polygamma(5), units: [8, 8, 8] },
  j0: { apply: (x) => x.j0(), units: [4, 8, 8], floor: 0.25 },
  j1: { apply: (x) => x.j1(), units: [4, 4, 4], floor: 0.25 },
  // Far from the mean the exponent's rounding shows: about as much as the argument's would.
  gammainc: { apply: (a, x) => gammainc(a, x), units: [16, 128, 128] },
  gammaincc: { apply: (a, x) => gammaincc(a, x), units: [64, 64, 64] },
  betainc: { apply: (a, b, x) => betainc(a, b, x), units: [128, 64, 64] },
  // Where the two formulas of erfcx meet.
  erfcx: { apply: (x) => x.erfcx(), units: [4, 1, 2] },
  erfcinv: { apply: (x) => x.erfcinv(), units: [4, 2, 2] },
};

function unit(value: number, dtype: DType): number {
  const [digits, least] = dtype === "float64" ? [52, -1022] : [23, -126];
  return 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), least) - digits);
}

/** The largest error in units in the last place, and where. */
function worst(name: keyof typeof golden, dtype: DType): { most: number; where: string } {
  const { apply, floor = 0 } = CASES[name];
  const rows = golden[name] as readonly (readonly Cell[])[];
  const count = rows[0].length - 1;
  const inputs = Array.from(
    { length: count },
    (_, i) => tensor(rows.map((row) => numberOf(row[i])), { dtype }),
  );
  const actual = apply(...inputs).dataSync();
  let most = 0, where = "";
  rows.forEach((row, i) => {
    const exact = numberOf(row[count]);
    const expected = dtype === "float64" ? exact : Math.fround(exact);
    if (Object.is(actual[i], expected) || (actual[i] === 0 && expected === 0)) return;
    const error = Math.abs(actual[i] - exact) / unit(Math.max(Math.abs(exact), floor), dtype);
    if (!(error <= most)) {
      [most, where] = [error, `${name}(${row.slice(0, -1)}) gave ${actual[i]}, not ${exact}`];
    }
  });
  return { most, where };
}

for (const name of Object.keys(CASES) as (keyof typeof golden)[]) {
  deviceTest(`${name} agrees with mpmath`, (device) => {
    const { units } = CASES[name];
    const dtypes: [DType, number][] = device === "wasm"
      ? [["float64", units[0]], ["float32", units[1]]]
      : [["float32", units[2]]];
    for (const [dtype, allowed] of dtypes) {
      const { most, where } = worst(name, dtype);
      assert(most <= allowed, `${dtype}: ${most} units in the last place: ${where}`);
    }
  });
}

Deno.test("derivatives of the composed special functions, to the second order", () => {
  const functions: readonly (readonly [(x: Tensor) => Tensor, readonly number[]])[] = [
    [(x) => x.gamma(), [-2.5, -0.5, 0.3, 1.5, 4.2, 11.5]],
    [(x) => x.trigamma(), [-2.5, 0.6, 1.5, 8]],
    [(x) => x.polygamma(3), [0.8, 2.5]],
    [(x) => x.j0(), [-3, 0, 0.5, 2, 6, 9.5]],
    [(x) => x.j1(), [-3, 0, 0.5, 2, 6, 9.5]],
    [(x) => x.erfcinv(), [0.01, 0.3, 0.8, 1.5]],
  ];
  for (const [fn, at] of functions) {
    const x = tensor([...at], { dtype: "float64" });
    checkGrads((y: Tensor) => fn(y).sum(), [x]);
    checkGrads((y: Tensor) => grad((z: Tensor) => fn(z).sum())(y).sum(), [x]);
  }
});

Deno.test("derivatives of the incomplete functions in x, to the second order; those in parameters are refused", () => {
  const functions: readonly (readonly [(x: Tensor) => Tensor, readonly number[]])[] = [
    [(x) => gammainc(2.5, x), [0.1, 1, 2.6, 8]],
    [(x) => gammaincc(tensor([0.3, 3, 30, 40], { dtype: "float64" }), x), [0.7, 4, 28, 90]],
    [(x) => chi2sf(x, 3), [0.5, 3, 11]],
    [(x) => betainc(2.5, tensor([[0.7], [4]], { dtype: "float64" }), x), [0.1, 0.5, 0.9]],
  ];
  for (const [fn, at] of functions) {
    const x = tensor([...at], { dtype: "float64" });
    checkGrads((y: Tensor) => fn(y).sum(), [x]);
    checkGrads((y: Tensor) => grad((z: Tensor) => fn(z).sum())(y).sum(), [x]);
  }
  const slope = grad((x: Tensor) => gammainc(tensor([0.5, 1, 2]), x).sum())(tensor(0));
  assertEquals(slope.itemSync(), Infinity);
  const error = assertThrows(() => grad((a: Tensor) => gammainc(a, 2))(tensor(1.5)), GradientError);
  assert(error.message.includes("gammainc") && error.message.includes("respect to a"), error.message);
  assertThrows(() => grad((b: Tensor) => betainc(2, b, 0.5))(tensor(1.5)), GradientError, "respect to b");
});

deviceTest("incomplete functions broadcast, compile and batch", (device) => {
  const a = tensor([[0.5], [3], [25]]), x = tensor([0.4, 3, 26, 90]);
  const plain = gammainc(a, x);
  assertEquals([...plain.shape], [3, 4]);
  const compiled = jit((a: Tensor, x: Tensor) => gammainc(a, x).add(gammaincc(a, x)))(a, x);
  for (const sum of compiled.dataSync()) assert(Math.abs(sum - 1) < 1e-6, `${device} ${sum}`);
  const batched = vmap((a: Tensor) => gammainc(a, x))(a.reshape([3]));
  assertEquals([...batched.dataSync()], [...plain.dataSync()]);
  assertEquals([...betainc(2, 3, tensor([])).shape], [0]);
  const half = chi2sf(tensor([1, 2], { dtype: "float16" }), 2);
  assertEquals(half.dtype, "float16");
});

Deno.test("j1 has derivatives of every order at 0", () => {
  let fn = (x: Tensor): Tensor => x.j1();
  const found: number[] = [];
  for (let order = 1; order <= 5; order++) {
    const before = fn;
    fn = (x) => grad((y: Tensor) => before(y).sum(), { disconnected: "zero" })(x);
    found.push(Number(fn(tensor([0], { dtype: "float64" })).dataSync()[0].toFixed(12)) + 0);
  }
  assertEquals(found, [0.5, 0, -0.375, 0, 0.3125]);
});

Deno.test("composed special functions of integers, float16 and wrong orders", () => {
  assertEquals([...tensor(Int32Array.of(1, 2, 3, 10)).gamma().dataSync()], [1, 1, 2, 362880]);
  assertEquals(tensor([4], { dtype: "float16" }).gamma().dtype, "float16");
  assertEquals([...tensor([4, 20], { dtype: "float16" }).gamma().dataSync()], [6, Infinity]);
  assertEquals([...polygamma([2], 0).dataSync()], [...tensor([2]).digamma().dataSync()]);
  const error = assertThrows(() => polygamma(1, 1.5), ShapeError);
  assert(error.message.includes("1.5") && error.message.includes("0 to 30"), error.message);
});
