/** Random bodies of carries that begin as plain numbers, in each form of a loop, beside plain TypeScript. */
import { assert, assertEquals } from "@std/assert";
import { forLoop, jit, loop, recurrence, scan, type Tensor, tensor, withDevice } from "@damo/damo";
import { TestRandom } from "../support/random.ts";
import { values } from "./both_executors.ts";

type Operation = "add" | "sub" | "mul";

interface Body {
  /** What the carry becomes: an int32 that wraps, or a float64. */
  readonly integer: boolean;
  readonly start: number;
  readonly operations: readonly {
    readonly operation: Operation;
    /** With a number, the step, or the carry before the step. */
    readonly operand: number | "step" | "carry";
    /** The carry is the right operand. */
    readonly swapped: boolean;
  }[];
}

function randomBody(random: TestRandom): Body {
  const integer = random.below(2) === 0;
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)];
  const numbers = integer ? [31, -3, 7, 1] : [0.5, 2, -0.3, 1];
  const operations = Array.from({ length: 1 + random.below(4) }, () => ({
    operation: pick<Operation>(["add", "sub", "mul"]),
    operand: pick<number | "step" | "carry">([pick(numbers), "step", "carry"]),
    swapped: random.below(2) === 0,
  }));
  return { integer, start: integer ? random.below(9) - 4 : pick([0, 1, 0.1, -0.7]), operations };
}

const STEPS = 6;
const xs = [0.1, 0.2, -0.3, 0.4, 0.5, -0.6];

function plainValue({ integer, start, operations }: Body): number[] {
  let carry = start;
  return xs.map((x, step) => {
    let value = carry;
    for (const { operation, operand, swapped } of operations) {
      const other = operand === "step" ? step : operand === "carry" ? carry : operand;
      const [a, b] = swapped ? [other, value] : [value, other];
      if (operation === "mul") value = integer ? Math.imul(a, b) : a * b;
      else value = operation === "add" ? a + b : a - b;
      if (integer) value |= 0;
    }
    return carry = integer ? (value + step) | 0 : Math.sin(value) + x;
  });
}

/** One step: the last operation is with a tensor of the dtype that the carry gets. */
function stepped({ integer, operations }: Body, carry: Tensor, step: Tensor, x: Tensor): Tensor {
  let value = carry;
  for (const { operation, operand, swapped } of operations) {
    const other = operand === "step" ? step : operand === "carry" ? carry : operand;
    if (!swapped) value = value[operation](other);
    else value = typeof other === "number" ? reversed(operation, other, value) : other[operation](value);
  }
  return integer ? value.add(step) : value.sin().add(x);
}

function reversed(operation: Operation, number: number, value: Tensor): Tensor {
  return operation === "sub" ? value.neg().add(number) : value[operation](number);
}

const forms: Record<string, (body: Body, xs: Tensor) => [Tensor, Tensor | null]> = {
  statement: (body, xs) => {
    const carry = loop.state(body.start), rows = loop.stack();
    for (const i of loop.range(STEPS)) {
      carry.value = stepped(body, carry.value, i, xs.at(i));
      rows.push(carry.value);
    }
    return [carry.value, rows.value];
  },
  forLoop: (body, xs) => [forLoop(STEPS, (i, carry) => stepped(body, carry, i, xs.at(i)), body.start), null],
  scan: (body, xs) => {
    const steps = tensor([0, 1, 2, 3, 4, 5], { dtype: "int32" });
    return scan(
      (carry, [x, i]) => {
        const next = stepped(body, carry, i, x);
        return [next, next];
      },
      body.start,
      [xs, steps] as const,
    );
  },
  recurrence: (body, xs) => {
    const steps = tensor([0, 1, 2, 3, 4, 5], { dtype: "int32" });
    const rows = recurrence(
      { sequences: [xs, steps], outputs: [body.start] },
      (x, i, carry) => stepped(body, carry, i, x),
    );
    return [rows.at(-1), rows];
  },
};

Deno.test("random bodies of carries that began as numbers mean what they mean in plain TypeScript", () => {
  withDevice("wasm", () => {
    let integers = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const body = randomBody(new TestRandom(seed));
      if (body.integer) integers++;
      const expected = plainValue(body);
      for (const [form, f] of Object.entries(forms)) {
        const call = (xs: Tensor) => f(body, xs);
        for (const run of [call, jit(call), jit(call, { mode: "reference" })]) {
          const [last, rows] = run(tensor(xs, { dtype: "float64" }));
          const what = `seed ${seed}, ${form}, ${JSON.stringify(body)}`;
          assertEquals(last.dtype, body.integer ? "int32" : "float64", what);
          const found = rows === null ? [values(last) as number] : values(rows) as number[];
          const truth = rows === null ? expected.slice(-1) : expected;
          const near = found.every((value, i) =>
            body.integer ? value === truth[i] : Math.abs(value - truth[i]) <= 1e-12
          );
          assert(near && found.length === truth.length, `${what}: ${found}, expected ${truth}`);
        }
      }
    }
    assert(integers > 10 && integers < 50);
  });
});
