import { assertEquals } from "@std/assert";
import { jit, type Tensor, tensor } from "@damo/damo";
import { deviceTest } from "../../support/devices.ts";

deviceTest("a chain with more results than a shader binds buffers is computed by several", () => {
  const chain = jit((x: Tensor) => {
    const results: Tensor[] = [];
    for (let i = 0; i < 100; i++) results.push(x = x.add(i));
    return results;
  });
  for (const data of [2, [2], [2, 3, 4]]) {
    const x = tensor(data);
    const results = chain(x);
    let sum = 0;
    for (let i = 0; i < 100; i++) assertEquals(results[i].arraySync(), x.add(sum += i).arraySync());
  }
});
