/**
 * Calls of the recurrent net with backward, the first of a process and those that follow, and how much of the first one
 * goes by before anything is computed: milliseconds as JSON, of the clock and of the processor, since others may use that
 * as well; and those that the system took for the first call. It needs 1.5 to 2.5 µs for each page of memory that a process
 * touches for the first time, which at 10,000 steps is more than compiling; with `used` the process has had as much memory
 * before. How long a bare loop takes to touch as much memory as all states need is measured in the end. One thread takes
 * part, or with `all` as many as by default.
 *
 *     deno run bench/loops/first_call.ts 100 used all
 */
import process from "node:process";
import { init, ones } from "@damo/damo";
import { BATCH, compileGradients, normal, STATE } from "./recurrent.ts";

const length = Number(Deno.args[0]);
// Beyond its budget of memory a device keeps tensors on the host: calls would begin with copying them back.
await init({ ...(Deno.args[2] === "all" ? {} : { threads: 1 }), memory: 1 << 30 });
const w = normal([STATE, STATE], 1), u = normal([STATE, STATE], 2);
// The same noise at all steps: making other would use memory before.
const xs = normal([BATCH, STATE], 3).broadcastTo([length, BATCH, STATE]);
// The state is stored for each step.
if (Deno.args[1] === "used") ones([length + 300, BATCH, STATE]).dispose();
const gradients = compileGradients();
let compiling = 0, system = 0;
const worked: number[] = [];
const calls = Array.from({ length: length > 1000 ? 5 : 20 }, (_, i) => {
  const used = process.cpuUsage(), start = performance.now();
  if (i === 0) {
    // The call goes on with what this makes.
    gradients.lower(xs, w, u);
    compiling = performance.now() - start;
  }
  gradients(xs, w, u)[0].dataSync();
  const time = performance.now() - start, took = process.cpuUsage(used);
  if (i === 0) system = took.system / 1000;
  worked.push((took.user + took.system) / 1000);
  return time;
});

/** Milliseconds of the first touch of so many bytes, page after page. */
function firstTouch(bytes: number): number {
  const pages = Math.ceil(bytes / 65536);
  const words = new Int32Array(
    new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer,
  );
  const start = performance.now();
  for (let i = 0; i < words.length; i += 1024) words[i] = 1;
  return performance.now() - start;
}

firstTouch(1 << 20);
const touch = firstTouch(4 * length * BATCH * STATE);
console.log(JSON.stringify({ compiling, system, calls, worked, touch }));
