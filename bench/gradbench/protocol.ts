/** The suite's protocol: a message in, a response out. */
import { Tensor } from "@damo/damo";
import type { EvaluatedFunction } from "./evaluation.ts";
import { evaluations } from "./evaluations/mod.ts";

/** How long something took; `name` is "prepare", "compile" or "evaluate". */
export interface Timing {
  readonly name: string;
  readonly nanoseconds: number;
}

export interface Message {
  readonly id: number;
  readonly kind: string;
  readonly module?: string;
  readonly function?: string;
  readonly input?: unknown;
}

export interface Response {
  readonly id: number;
  readonly tool?: string;
  readonly success?: boolean;
  readonly output?: unknown;
  readonly timings?: readonly Timing[];
  readonly error?: string;
}

/** How often the suite wants a function run. */
interface Runs {
  readonly min_runs?: number;
  readonly min_seconds?: number;
}

function timed<T>(name: string, timings: Timing[], body: () => T): T {
  const start = performance.now();
  const result = body();
  timings.push({ name, nanoseconds: Math.round((performance.now() - start) * 1e6) });
  return result;
}

/** Gives the memory of a result back: the next run then finds it warm, as a program that writes into one buffer does. */
function dispose(result: unknown): void {
  if (result instanceof Tensor) result.dispose();
  else if (typeof result === "object" && result !== null) Object.values(result).forEach(dispose);
}

/**
 * Runs a function on one input as often as the input asks for. The first call, which may trace and compile, is reported
 * apart as "compile".
 */
export function evaluate(fn: EvaluatedFunction, input: unknown): { output: unknown; timings: Timing[] } {
  const { min_runs = 1, min_seconds = 0 } = Object(input) as Runs;
  const timings: Timing[] = [];
  const prepared = timed("prepare", timings, () => fn.prepare(input));
  let result = timed("compile", timings, () => prepared.run());
  const first = timings.length;
  let nanoseconds = 0;
  while (timings.length - first < min_runs || nanoseconds < min_seconds * 1e9) {
    dispose(result);
    result = timed("evaluate", timings, () => prepared.run());
    nanoseconds += timings.at(-1)!.nanoseconds;
  }
  return { output: prepared.output(result), timings };
}

function respondToEvaluate(message: Message): Response {
  const { id } = message;
  const fn = evaluations[message.module ?? ""]?.[message.function ?? ""];
  if (!fn) return { id, success: false, error: `There is no ${message.module}.${message.function}.` };
  try {
    return { id, success: true, ...evaluate(fn, message.input) };
  } catch (error) {
    return { id, success: false, error: error instanceof Error ? error.stack : String(error) };
  }
}

/** The response to one message. */
export function respond(message: Message): Response {
  const { id, kind } = message;
  if (kind === "start") return { id, tool: "damo" };
  if (kind === "define") return { id, success: Object.hasOwn(evaluations, message.module ?? "") };
  if (kind === "evaluate") return respondToEvaluate(message);
  return { id };
}
