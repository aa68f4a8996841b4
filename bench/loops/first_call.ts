/**
 * Calls of the recurrent net with backward, the first of a process and those that follow, and how much of the first one
 * goes by before anything is computed: milliseconds as JSON. The system takes about 2.5 µs for each page of memory that a process touches for the first time, which at 10,000 steps is
 * more than compiling; with `used` the process has had as much memory before.
 *
 *     deno run bench/loops/first_call.ts 100 used
 */
import { init, ones } from "@damo/damo";
import { BATCH, compileGradients, normal, STATE } from "./recurrent.ts";

// Beyond its budget of memory a device keeps tensors on the host: calls would begin with copying them back.
await init({ threads: 1, memory: 1 << 30 });
const length = Number(Deno.args[0]);
const w = normal([STATE, STATE], 1), u = normal([STATE, STATE], 2);
// The same noise at all steps: making other would use memory before.
const xs = normal([BATCH, STATE], 3).broadcastTo([length, BATCH, STATE]);
// The state is stored for each step.
if (Deno.args[1] === "used") ones([length + 300, BATCH, STATE]).dispose();
const gradients = compileGradients();
let compiling = 0;
const calls = Array.from({ length: length > 1000 ? 5 : 20 }, (_, i) => {
  const start = performance.now();
  if (i === 0) {
    // The call goes on with what this makes.
    gradients.lower(xs, w, u);
    compiling = performance.now() - start;
  }
  gradients(xs, w, u)[0].dataSync();
  return performance.now() - start;
});
console.log(JSON.stringify({ compiling, calls }));
