import { assert, assertEquals } from "@std/assert";
import { distinctOutputs } from "../../../lib/jit/closed_graph.ts";
import type { Kernel } from "../../../lib/jit/kernel/kernel.ts";
import type { Step } from "../../../lib/jit/kernel/program.ts";
import { schedule, WASM_LIMITS } from "../../../lib/jit/schedule/schedule.ts";
import { ModuleBuilder } from "../../../lib/jit/wasm/assembler/mod.ts";
import { type ContractSpec, emitContract } from "../../../lib/jit/wasm/contract/mod.ts";
import { DeviceMemory, heapAddress } from "../../../lib/jit/wasm/memory/mod.ts";
import { moduleImports, openModule, SCRATCH_EXPORT } from "../../../lib/jit/wasm/nest/mod.ts";
import { emitKernel, WARM_UP_EXPORT } from "../../../lib/jit/wasm/program/mod.ts";
import { emitWarmUp, IDLE_BYTES } from "../../../lib/jit/wasm/warm_up.ts";
import { jit, ones, type Tensor } from "../../../lib/mod.ts";
import { prune } from "../../../lib/trace/prune.ts";
import { randomGraph } from "../../support/random_graph.ts";
import { makeSpec } from "./contract_runner.ts";

const GUARD = 0xa5;

/** Nothing but the scratch memory is different now. */
function checkUntouched(bytes: Uint8Array, before: Uint8Array, scratch: number, what: string): void {
  for (let i = 0; i < before.length; i++) {
    if (bytes[i] === before[i] || (i >= scratch && i < scratch + IDLE_BYTES)) continue;
    throw new Error(`${what}: byte ${i} is ${bytes[i]}, not ${before[i]}`);
  }
}

Deno.test("products that are warmed up write nothing but scratch memory", () => {
  const specs: ContractSpec[] = [];
  for (const dtype of ["float32", "float64", "int32"] as const) {
    for (const [rows, columns, depth] of [[1, 1, 1], [2, 40, 3], [7, 13, 5], [12, 3, 9], [130, 70, 33]]) {
      specs.push(makeSpec(dtype, rows, columns, depth, {}));
      specs.push(makeSpec(dtype, rows, columns, depth, { transposeA: true, transposeB: true }));
    }
  }
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 2, shared: true });
  const bytes = new Uint8Array(memory.buffer).fill(GUARD);
  const before = bytes.slice();
  let warmed = 0;
  for (const spec of specs) {
    const module = new ModuleBuilder();
    module.importMemory({ module: "env", name: "memory" }, { minimum: 2, maximum: 2, shared: true });
    const scratch = module.addGlobal("i32", 4096);
    const { inner } = emitContract(module, spec);
    warmed += inner.length;
    module.exportFunction(emitWarmUp(module, inner, scratch).index, "warmUp");
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } });
    (exports.warmUp as () => void)();
    checkUntouched(bytes, before, 4096, `${spec.dtype} ${spec.rows} ${spec.columns} ${spec.depth}`);
  }
  assert(warmed > specs.length);
});

function kernelsOf(steps: readonly Step[], found: Kernel[] = []): Kernel[] {
  for (const step of steps) {
    if (step.kind === "kernel") found.push(step.kernel);
    if (step.kind === "loop") kernelsOf(step.body, found);
  }
  return found;
}

Deno.test("kernels of random graphs that are warmed up write nothing but scratch memory", () => {
  const memory = new DeviceMemory(1024);
  const scratch = heapAddress + 4096;
  let warmed = 0;
  for (let seed = 0; seed < 60; seed++) {
    const random = randomGraph(seed, 12, seed % 2 === 0 ? "float32" : "float64");
    const { program: graph } = distinctOutputs(prune(random.graph));
    const context = openModule(memory);
    const inner = kernelsOf(schedule(graph, { limits: WASM_LIMITS, donated: [], inPlace: [] }).steps)
      .flatMap((kernel) => emitKernel(context, kernel).inner ?? []);
    warmed += inner.length;
    const warmUp = emitWarmUp(context.module, inner, context.scratchGlobal);
    context.module.exportFunction(warmUp.index, "warmUp");
    const instance = new WebAssembly.Instance(
      new WebAssembly.Module(context.module.build()),
      moduleImports(memory),
    );
    (instance.exports[SCRATCH_EXPORT] as WebAssembly.Global).value = scratch;
    // Pointers of idle calls are 0: what one of them wrote would lie in the beginning of the memory.
    memory.u8.fill(GUARD, heapAddress, 1 << 20);
    const before = memory.u8.slice(0, 1 << 20);
    (instance.exports.warmUp as () => void)();
    checkUntouched(memory.u8, before, scratch, `seed ${seed}`);
  }
  assert(warmed > 100);
});

/** Whether the module of a compiled function has something to warm up. */
function warmsUp(f: (x: Tensor) => Tensor, x: Tensor): boolean {
  return new RegExp(`export "${WARM_UP_EXPORT}"`).test(jit(f).lower(x).wat());
}

Deno.test("programs with much work are warmed up, small ones are not", () => {
  const product = (x: Tensor): Tensor => x.matmul(x);
  assertEquals([warmsUp(product, ones([8, 8])), warmsUp(product, ones([512, 512]))], [false, true]);
  const map = (x: Tensor): Tensor => x.tanh();
  assertEquals([warmsUp(map, ones([8])), warmsUp(map, ones([1 << 22]))], [false, true]);
});
