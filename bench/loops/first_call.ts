/**
 * The first call of the recurrent net with backward, in a process of its own, and steady ones: milliseconds as JSON.
 * The system takes about 2 µs for each page of memory that a process touches for the first time, which at 10,000 steps
 * is more than compiling; with `used` the process has had as much memory before.
 *
 *     deno run bench/loops/first_call.ts 100 used
 */
import { init, ones } from "@damo/damo";
import { BATCH, compileGradients, normal, STATE } from "./recurrent.ts";

await init({ threads: 1 });
const length = Number(Deno.args[0]);
const xs = normal([length, BATCH, STATE], 3), w = normal([STATE, STATE], 1), u = normal([STATE, STATE], 2);
xs.dataSync();
// The state is stored for each step.
if (Deno.args[1] === "used") ones([length + 300, BATCH, STATE]).dispose();
const gradients = compileGradients();
const times = Array.from({ length: length > 1000 ? 5 : 40 }, () => {
  const start = performance.now();
  gradients(xs, w, u)[0].dataSync();
  return performance.now() - start;
});
console.log(JSON.stringify({ first: times[0], steady: Math.min(...times.slice(1)) }));
