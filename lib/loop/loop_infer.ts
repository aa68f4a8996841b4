/** The types of a loop node, with every input checked. */
import { LoopError } from "../trace/errors.ts";
import type { Graph } from "../trace/graph.ts";
import { type Aval, describe, sameAval } from "../trace/shape.ts";
import { splitBodyInputs, splitBodyOutputs, splitInputs } from "./loop_layout.ts";
import { DYNAMIC, type LoopParams } from "./loop_params.ts";

function fault(what: string): LoopError {
  return new LoopError(`loop: ${what}.`, {
    operation: "loop",
    remedy: "Make loops with scan, forLoop, whileLoop, recurrence or the functions of loop.",
  });
}

function checkGraph(what: string, graph: Graph, inputs: number, outputs: number): void {
  if (graph.inputs.length === inputs && graph.outputs.length === outputs) return;
  throw fault(
    `the ${what} has ${graph.inputs.length} inputs and ${graph.outputs.length} outputs instead of ` +
      `${inputs} and ${outputs}`,
  );
}

function checkType(what: string, given: Aval, wanted: Aval): void {
  if (!sameAval(given, wanted)) throw fault(`${what} is ${describe(given)} instead of ${describe(wanted)}`);
}

const INT_SCALAR: Aval = { shape: [], dtype: "int32" };
const BOOL_SCALAR: Aval = { shape: [], dtype: "bool" };

export function inferLoop(inputs: readonly Aval[], params: LoopParams): readonly Aval[] {
  const { body, condition, constants, carries, sequences, results, length, counted, step, stops } = params;
  const wanted = (counted ? 1 : 0) + constants + carries + sequences;
  if (inputs.length !== wanted) throw fault(`${inputs.length} inputs were given instead of ${wanted}`);
  const bodyInputCount = constants + carries + (step ? 1 : 0) + sequences;
  checkGraph("body", body, bodyInputCount, carries + results + (stops ? 1 : 0));
  if (params.reverse && (stops || condition)) throw fault("a reversed loop must not stop early");
  const given = splitInputs(inputs, params);
  const inside = splitBodyInputs(body.inputs.map((input) => input.aval), params);
  const outside = splitBodyOutputs(body.outputs.map((output) => output.aval), params);
  if (given.count) checkType("the trip count", given.count, INT_SCALAR);
  given.constants.forEach((aval, i) => checkType(`constant ${i}`, aval, inside.constants[i]));
  given.carries.forEach((aval, i) => {
    checkType(`initial carry ${i}`, aval, inside.carries[i]);
    checkType(`new carry ${i}`, outside.carries[i], inside.carries[i]);
  });
  if (inside.step) checkType("the step", inside.step, INT_SCALAR);
  given.sequences.forEach(({ shape, dtype }, i) => {
    if (shape.length === 0 || shape[0] !== length) {
      throw fault(
        `sequence ${i}, ${describe({ shape, dtype })}, does not have ${
          length === DYNAMIC ? "the length of a tape" : `${length} rows`
        }`,
      );
    }
    checkType(`a row of sequence ${i}`, { shape: shape.slice(1), dtype }, inside.slices[i]);
  });
  if (outside.stop) checkType("the stop condition", outside.stop, BOOL_SCALAR);
  if (condition) {
    checkGraph("condition", condition, constants + carries, 1);
    const types = [...inside.constants, ...inside.carries];
    condition.inputs.forEach(({ aval }, i) => checkType(`input ${i} of the condition`, aval, types[i]));
    checkType("the condition", condition.outputs[0].aval, BOOL_SCALAR);
  }
  return [
    ...given.carries.map(({ shape, dtype }) => ({ shape, dtype })),
    ...outside.rows.map(({ shape, dtype }) => ({ shape: [length, ...shape], dtype })),
    ...(params.taken ? [INT_SCALAR] : []),
  ];
}
