/** Two processes for a long run of tests: each has every other file, and their reports follow one another. */

/** Below this number of files one process has loaded and run them sooner. */
const LEAST_FILES = 40;
/** Flags that mean one process, one report or a certain order. */
const SINGLE = [
  "--parallel",
  "--watch",
  "--junit-path",
  "--reporter",
  "--inspect",
  "--shuffle",
  "--fail-fast",
];

async function* testFiles(path: string): AsyncGenerator<string> {
  const { isDirectory } = await Deno.stat(path);
  if (!isDirectory) {
    yield path;
    return;
  }
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    if (isDirectory) yield* testFiles(`${path}/${name}`);
    else if (name.endsWith("_test.ts")) yield `${path}/${name}`;
  }
}

/** The paths of each process: all of them in one where that is as good. */
export async function testShares(paths: string[], flags: string[]): Promise<string[][]> {
  const single = flags.some((flag) => SINGLE.some((name) => flag.startsWith(name)));
  if (single || navigator.hardwareConcurrency < 2) return [paths];
  const files: string[] = [];
  try {
    for (const path of paths) for await (const file of testFiles(path)) files.push(file);
  } catch (error) {
    // `deno test` says what it thinks of a path that is not there.
    if (error instanceof Deno.errors.NotFound) return [paths];
    throw error;
  }
  if (files.length < LEAST_FILES) return [paths];
  files.sort();
  return [0, 1].map((share) => files.filter((_, i) => i % 2 === share));
}

/** Hands on what several sources report, one after another, each at once when its turn has come. */
export class Turns {
  readonly #write: (text: Uint8Array) => void;
  readonly #waiting: Uint8Array[][];
  readonly #ended: boolean[];
  #current = 0;

  constructor(count: number, write: (text: Uint8Array) => void) {
    this.#write = write;
    this.#waiting = Array.from({ length: count }, () => []);
    this.#ended = new Array(count).fill(false);
  }

  add(source: number, text: Uint8Array): void {
    if (source === this.#current) this.#write(text);
    else this.#waiting[source].push(text);
  }

  end(source: number): void {
    this.#ended[source] = true;
    while (this.#ended[this.#current]) {
      this.#current++;
      for (const text of this.#waiting[this.#current]?.splice(0) ?? []) this.#write(text);
    }
  }
}
