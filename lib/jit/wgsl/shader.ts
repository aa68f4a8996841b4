/** A WGSL module under construction: declarations, the helpers it calls, and the lines of its entry point. */
import { helpers } from "./math/mod.ts";

export class Shader {
  readonly declarations: string[] = [];
  readonly #extensions: Set<string> = new Set();
  readonly #helpers: Set<string> = new Set();
  readonly #lines: string[] = [];
  #depth = 1;
  #names = 0;

  /** Asks for a helper and gives its name. */
  use(name: string): string {
    if (this.#helpers.has(name)) return name;
    const helper = helpers()[name];
    if (!helper) throw new Error(`There is no WGSL helper ${name}.`);
    for (const need of helper.needs) this.use(need);
    this.#helpers.add(name);
    return name;
  }

  /** Asks for an extension of the language. */
  enable(extension: string): void {
    this.#extensions.add(extension);
  }

  /** A name that nothing else has. */
  name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }

  line(text: string): void {
    this.#lines.push("  ".repeat(this.#depth) + text);
  }

  /** A block: `head {`, what `body` writes, `}`. */
  block(head: string, body: () => void): void {
    this.line(`${head} {`);
    this.#depth++;
    body();
    this.#depth--;
    this.line("}");
  }

  /** Names a value, so that it is computed once. */
  let(value: string, prefix = "v"): string {
    const name = this.name(prefix);
    this.line(`let ${name} = ${value};`);
    return name;
  }

  text(entry: string): string {
    const used = [...this.#helpers].map((name) => helpers()[name].source);
    const directives = [...this.#extensions].map((name) => `enable ${name};`);
    return [...directives, ...this.declarations, ...used, `${entry} {`, ...this.#lines, "}", ""].join(
      "\n",
    );
  }
}
