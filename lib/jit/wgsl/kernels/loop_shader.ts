/**
 * Loops over small states as one shader: a workgroup goes through the steps, its threads share the elements of each
 * kernel of the body, and barriers stand between kernels. The first step and how many are parameters, so that no
 * invocation takes more than some number of them; a loop that may end early leaves in the scratch buffer how far it came.
 */
import type { Nest } from "../../kernel/kernel.ts";
import type { Binding } from "../../kernel/program.ts";
import { Access } from "../access.ts";
import { isPacked, type Place } from "../place.ts";
import type { KernelPlan } from "../plan.ts";
import { Shader } from "../shader.ts";
import type { Tuning } from "../tuning.ts";
import type { LoopParts, Part } from "./loop_parts.ts";
import { writeNestInside } from "./inner_nest.ts";

/** Bytes of the scratch buffer of a loop that may end early: steps taken, and whether it has ended. */
const LOOP_STATE_BYTES = 8;

/** The loops of the shader: their positions are variables of it. */
export function loopsInside({ step, condition, body }: LoopParts): Set<number> {
  const inside = new Set([step.loop]);
  for (const part of [...condition, ...body]) {
    if (part.kind === "loop") { for (const loop of loopsInside(part.loop)) inside.add(loop); }
  }
  return inside;
}

/** The offset of a binding by the positions of loops inside, as an expression; null when there is none. */
function offsetInside({ steps }: Binding, inside: ReadonlySet<number>): string | null {
  const terms = steps.filter(({ loop }) => inside.has(loop)).map(({ loop, stride }) =>
    `position${loop} * ${stride}`
  );
  return terms.length === 0 ? null : terms.join(" + ");
}

export function planLoop(loop: LoopParts, places: readonly Place[], tuning: Tuning): KernelPlan {
  const writer = new LoopShader(loop, places, tuning);
  return writer.write();
}

class LoopShader {
  readonly #loop: LoopParts;
  readonly #places: readonly Place[];
  readonly #threads: number;
  readonly #shader: Shader = new Shader();
  readonly #access: Access;
  readonly #watches: boolean;
  /** The next operand whose part is written. */
  #next = 0;

  constructor(loop: LoopParts, places: readonly Place[], tuning: Tuning) {
    this.#loop = loop;
    this.#threads = tuning.loopThreads;
    this.#watches = loop.step.condition !== null || loop.step.stop !== null;
    const inside = loopsInside(loop);
    this.#places = places.map((place, i) => ({ ...place, inside: offsetInside(loop.bindings[i], inside) }));
    const atomic = new Set<number>();
    loop.operands.forEach(({ dtype, access }, i) => {
      if (access !== "read" && isPacked(dtype, places[i])) atomic.add(places[i].slot);
    });
    this.#addedSlots(loop, 0, atomic);
    this.#access = new Access(
      this.#shader,
      loop.operands,
      this.#places,
      new Set(loop.operands.keys()),
      (slot) => ({ vector: false, atomic: atomic.has(slot) }),
      this.#watches,
    );
  }

  /** Adds the slots that kernels add to; gives the operand behind the loop's last. */
  #addedSlots(loop: LoopParts, first: number, slots: Set<number>): number {
    let next = first;
    for (const part of [...loop.condition, ...loop.body]) {
      if (part.kind === "loop") next = this.#addedSlots(part.loop, next, slots);
      else if (part.kind === "number") next++;
      else {
        for (const { mode, operand } of part.nest.stores) {
          if (mode === "add") slots.add(this.#places[next + operand].slot);
        }
        next += part.nest.operands.length;
      }
    }
    return next + (loop.step.condition ? 1 : 0) + (loop.step.stop ? 1 : 0);
  }

  write(): KernelPlan {
    const shader = this.#shader, access = this.#access;
    access.declare(3);
    const [start, count, bound] = [0, 1, 2].map((i) => access.parameter(i, true));
    if (this.#watches) {
      shader.declarations.push("var<workgroup> flag: u32;");
      shader.line(`var taken = ${start};`);
      shader.line("var ended = 0u;");
    }
    this.#steps(this.#loop, start, `${start} + ${count}`, bound);
    if (this.#watches) {
      shader.block("if (thread == 0u)", () => {
        shader.line("scratch[0] = u32(taken);");
        shader.line("scratch[1] = ended;");
      });
    }
    return {
      dispatches: [{
        label: "loop",
        code: shader.text(
          `@compute @workgroup_size(${this.#threads})\nfn main(@builtin(local_invocation_index) thread: u32)`,
        ),
        bindings: access.bindings,
        groups: [1, 1, 1],
        offsets: access.parameters,
        constants: [0, 0, 0],
      }],
      scratchBytes: this.#watches ? LOOP_STATE_BYTES : 0,
    };
  }

  #steps({ step, condition, body, operands }: LoopParts, start: string, end: string, bound: string): void {
    const shader = this.#shader, { loop } = step;
    const first = this.#next;
    const flags = [step.condition?.result, step.stop].filter((flag) => flag).length;
    const last = first + operands.length;
    shader.block(`for (var step${loop} = ${start}; step${loop} < ${end}; step${loop}++)`, () => {
      shader.line(`let position${loop} = ${step.reverse ? `${bound} - 1 - step${loop}` : `step${loop}`};`);
      for (const part of condition) this.#part(part, `step${loop}`);
      if (step.condition) this.#leave(last - flags, "==", `step${loop}`);
      for (const part of body) this.#part(part, `step${loop}`);
      if (step.stop) this.#leave(last - 1, "!=", `step${loop} + 1`);
      else if (this.#watches && step === this.#loop.step) shader.line(`taken = step${loop} + 1;`);
    });
    this.#next = last;
  }

  /** Leaves the loop by a flag that all threads see alike. */
  #leave(operand: number, comparison: "==" | "!=", taken: string): void {
    const shader = this.#shader;
    const { constant, term } = this.#access.base(operand);
    const value = this.#access.load(operand, term === null ? `${constant}` : `${term} + ${constant}`);
    shader.block("if (thread == 0u)", () => shader.line(`flag = select(0u, 1u, ${value});`));
    shader.line(`taken = ${taken};`);
    shader.block(`if (workgroupUniformLoad(&flag) ${comparison} 0u)`, () => {
      shader.line("ended = 1u;");
      shader.line("break;");
    });
  }

  #part(part: Part, step: string): void {
    const shader = this.#shader;
    if (part.kind === "loop") {
      this.#steps(part.loop, "0", `${part.loop.step.length}`, `${part.loop.step.length}`);
      return;
    }
    const first = this.#next;
    if (part.kind === "number") {
      const { constant, term } = this.#access.base(first);
      const position = term === null ? `${constant}` : `${term} + ${constant}`;
      shader.block("if (thread == 0u)", () => this.#access.store(first, position, step));
      this.#next++;
    } else {
      writeNestInside({
        kernel: withOperands(part.nest, this.#loop, first),
        places: this.#places,
        shader,
        access: this.#access,
        threads: this.#threads,
      });
      this.#next += part.nest.operands.length;
    }
    shader.line("storageBarrier();");
    shader.line("workgroupBarrier();");
  }
}

/** The kernel with the operands of the whole loop, of which its own begin at `first`. */
function withOperands(nest: Nest, { operands }: LoopParts, first: number): Nest {
  return {
    ...nest,
    operands,
    statements: nest.statements.map((s) => s.kind === "load" ? { ...s, operand: first + s.operand } : s),
    stores: nest.stores.map((store) => ({ ...store, operand: first + store.operand })),
  };
}
