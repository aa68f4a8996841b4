import { assertThrows } from "@std/assert";
import { helpers as tableOfHelpers } from "../../../lib/jit/wgsl/math/mod.ts";
import { GPU, SOFTWARE } from "../../../lib/jit/wgsl/tuning.ts";
import { compareRandomGraphs } from "./random_graphs.ts";
import { backendWith, gpuTest } from "./support.ts";

gpuTest("programs of random graphs mean the same with the tables of a real GPU", async () => {
  compareRandomGraphs(await backendWith({ ...GPU, sharedRowColumns: 4, threadsPerRow: 16 }), 61, 90);
});

gpuTest("and when every buffer that is only read is read as a texture", async () => {
  compareRandomGraphs(await backendWith({ ...SOFTWARE, textureBytes: 4 }), 91, 104);
});

gpuTest("a deliberately wrong shader does not pass the comparison of random graphs", (backend) => {
  const helpers = tableOfHelpers() as Record<string, { source: string; needs: readonly string[] }>;
  const right = helpers.tanh_f32;
  helpers.tanh_f32 = {
    ...right,
    source: right.source.replace("fn tanh_f32(x: f32)", "fn tanh_f32(y: f32)").replace(
      "{",
      "{ let x = y * 1.01;",
    ),
  };
  try {
    assertThrows(() => compareRandomGraphs(backend, 1, 60), Error, "not");
  } finally {
    helpers.tanh_f32 = right;
  }
  compareRandomGraphs(backend, 1, 10);
});
