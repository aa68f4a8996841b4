/** Panels of operands that outlive the calls of a program: other forms of blocks that nobody has changed since. */
import type { RunInput } from "../backend.ts";
import type { Block } from "../memory/mod.ts";
import type { WasmHeap } from "./heap.ts";
import { PANELS_EXPORT, type ProgramModule } from "./program/mod.ts";
import { WasmStorage } from "./storage.ts";

interface KeptSlot {
  readonly input: number;
  readonly offset: number;
  readonly form: string;
  readonly bytes: number;
  /** The word of the table for the address of the panels. */
  readonly word: number;
  /** Fills panels: `(operand, panels)`. */
  readonly fill: (source: number, target: number) => void;
}

export class KeptPanels {
  readonly #heap: WasmHeap;
  readonly #slots: readonly KeptSlot[];

  private constructor(heap: WasmHeap, slots: readonly KeptSlot[]) {
    this.#heap = heap;
    this.#slots = slots;
  }

  /** Those of a program's inputs; null where it has none. */
  static of(
    heap: WasmHeap,
    { panels, layout }: ProgramModule,
    exports: WebAssembly.Exports,
  ): KeptPanels | null {
    const slots = panels.flatMap(({ input, offset, form, bytes }, i): KeptSlot[] =>
      input < 0 ? [] : [{
        input,
        offset,
        form,
        bytes,
        word: layout.panels[i],
        fill: exports[`${PANELS_EXPORT}${i}`] as KeptSlot["fill"],
      }]
    );
    return slots.length === 0 ? null : new KeptPanels(heap, slots);
  }

  /**
   * Enters the panels of a run's pinned inputs in its table, made now where that is due, and lists their blocks in
   * `pinned`, as `leave` wants them.
   */
  enter(inputs: readonly RunInput[], base: number, pinned: Block[]): void {
    const { cache, memory } = this.#heap;
    for (let i = 0; i < this.#slots.length; i++) {
      const slot = this.#slots[i];
      const input = inputs[slot.input];
      const source = input instanceof WasmStorage && input.heap === this.#heap ? input.block : null;
      const panels = source === null ? null : cache.form(source, slot.form, slot.bytes);
      memory.u32[base + slot.word] = panels === null ? 0 : panels.address;
      if (panels === null) continue;
      pinned.push(panels);
      if (panels.form!.filled) continue;
      slot.fill(source!.address + slot.offset, panels.address);
      panels.form!.filled = true;
    }
  }

  leave(pinned: readonly Block[]): void {
    for (const block of pinned) this.#heap.cache.unpin(block);
  }
}
