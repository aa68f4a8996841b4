/** Random programs over shared variables, arguments and donation, against a model of plain numbers. */
import { assertEquals } from "@std/assert";
import { jit, shared, type Tensor, tensor } from "@damo/damo";
import { TestRandom } from "../support/random.ts";
import { deviceTest } from "../support/devices.ts";

/** One statement: a variable or a new result takes a value made of others. */
interface Statement {
  readonly kind: "assign" | "return";
  readonly target: number;
  readonly form: "copy" | "sum" | "next";
  readonly left: Source;
  readonly right: Source;
}

interface Source {
  readonly from: "variable" | "argument";
  readonly index: number;
}

const VARIABLES = 3, ARGUMENTS = 2;

function randomSource(random: TestRandom): Source {
  return random.below(3) > 0
    ? { from: "variable", index: random.below(VARIABLES) }
    : { from: "argument", index: random.below(ARGUMENTS) };
}

function randomProgram(random: TestRandom): Statement[] {
  return Array.from({ length: 1 + random.below(4) }, (): Statement => {
    const target = random.below(VARIABLES);
    return {
      kind: random.below(3) === 0 ? "return" : "assign",
      target,
      form: (["copy", "sum", "next"] as const)[random.below(3)],
      // A variable that builds on itself is what is updated in place.
      left: random.below(2) === 0 ? { from: "variable", index: target } : randomSource(random),
      right: randomSource(random),
    };
  });
}

/** Runs the statements on values of any kind. */
function execute<V>(
  program: readonly Statement[],
  read: (source: Source) => V,
  assign: (target: number, value: V) => void,
  add: (a: V, b: V) => V,
  one: V,
): V[] {
  const results: V[] = [];
  for (const { kind, target, form, left, right } of program) {
    const a = read(left);
    const value = form === "copy" ? a : form === "sum" ? add(a, read(right)) : add(a, one);
    if (kind === "assign") assign(target, value);
    else results.push(value);
  }
  return results;
}

deviceTest(
  "random programs on shared state mean the same as on plain numbers, whatever is held or donated",
  () => {
    const random = new TestRandom(20261123);
    for (let trial = 0; trial < 150; trial++) {
      const variables = Array.from({ length: VARIABLES }, (_, i) => shared([i, i]));
      const model = Array.from({ length: VARIABLES }, (_, i) => i);
      const held: { tensor: Tensor; value: number }[] = [];
      const programs = Array.from({ length: 3 }, () => {
        const program = randomProgram(random);
        const donate = random.below(2) === 0 ? [0] : [];
        const run = jit((...args: Tensor[]) =>
          execute<Tensor>(
            program,
            ({ from, index }) => from === "variable" ? variables[index].value : args[index],
            (target, value) => variables[target].value = value,
            (a, b) => a.add(b),
            tensor([1, 1]),
          ), { donate });
        return { program, run };
      });
      for (let call = 0; call < 12; call++) {
        const { program, run } = programs[random.below(programs.length)];
        const values = Array.from({ length: ARGUMENTS }, () => random.below(10));
        const results = run(...values.map((value) => tensor([value, value])));
        const expected = execute<number>(
          program,
          ({ from, index }) => from === "variable" ? model[index] : values[index],
          (target, value) => model[target] = value,
          (a, b) => a + b,
          1,
        );
        results.forEach((result, i) => held.push({ tensor: result, value: expected[i] }));
        if (random.below(8) === 0) {
          const i = random.below(VARIABLES);
          held.push({ tensor: variables[i].value, value: model[i] });
        }
        variables.forEach((variable, i) =>
          assertEquals(
            variable.current().dataSync().join(),
            Float32Array.of(model[i], model[i]).join(),
            `trial ${trial}, call ${call}, variable ${i}`,
          )
        );
      }
      for (const { tensor: kept, value } of held) {
        assertEquals(kept.dataSync().join(), Float32Array.of(value, value).join(), `held in trial ${trial}`);
      }
    }
  },
);
