/**
 * The suite's hand-differentiated programs in C++ from a checkout that the user names: those that its makefile built there
 * (`make -C cpp && make -C tools/manual`), the others with the system's compiler in the same way. Nothing of them is part
 * of this project. The checkout must hold cpp/json.hpp, which `make -C cpp` gets, or CPATH name a folder with it.
 */
import type { Timing } from "./protocol.ts";

/** What the suite's own makefile passes. */
const FLAGS = ["-std=c++17", "-O3", "-march=native", "-w"];

/** A folder of programs, deleted when disposed. */
export interface NativePrograms extends Disposable {
  /** Output and times of a function on an input; undefined where the suite has no such program. */
  evaluate(
    module: string,
    name: string,
    input: unknown,
  ): { readonly output: unknown; readonly timings: readonly Timing[] } | undefined;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function run(program: string, args: readonly string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args: [...args] }).outputSync();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed:\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

export function nativePrograms(suite: string): NativePrograms {
  const folder = Deno.makeTempDirSync({ prefix: "gradbench_" });
  const build = (module: string): string | undefined => {
    const built = `${suite}/tools/manual/bin/${module}`;
    if (exists(built)) return built;
    const source = `${suite}/tools/manual/${module}.cpp`, program = `${folder}/${module}`;
    if (!exists(source)) return undefined;
    if (!exists(program)) run("g++", [...FLAGS, "-I", `${suite}/cpp`, source, "-o", program, "-lm"]);
    return program;
  };
  return {
    evaluate(module, name, input) {
      const program = build(module);
      if (!program) return undefined;
      const file = `${folder}/input.json`;
      Deno.writeTextFileSync(file, JSON.stringify(input));
      const [output, ...timings] = run(program, [file, name]).trim().split("\n");
      return { output: JSON.parse(output), timings: timings.map((line) => JSON.parse(line)) };
    },
    [Symbol.dispose]: () => Deno.removeSync(folder, { recursive: true }),
  };
}
