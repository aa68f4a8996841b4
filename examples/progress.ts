/** A progress bar for training loops: one line that is rewritten in a terminal, one line per epoch elsewhere. */

const WIDTH = 24;

/** Writes text to standard output as it is. */
function write(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(text));
}

export class Progress {
  readonly #terminal = Deno.stdout.isTerminal();
  #last = 0;

  /** Shows `done` of `total` with a text behind the bar; at most ten times a second. */
  show(title: string, done: number, total: number, text: string): void {
    const finished = done === total;
    const now = performance.now();
    if (!finished && (!this.#terminal || now - this.#last < 100)) return;
    this.#last = now;
    const filled = Math.round(WIDTH * done / total);
    const bar = "█".repeat(filled) + "░".repeat(WIDTH - filled);
    write(`${this.#terminal ? "\r\x1b[2K" : ""}${title} ${bar} ${text}${finished ? "\n" : ""}`);
  }
}
