import { assert, assertEquals, assertMatch } from "@std/assert";
import { jit, Profile, type Tensor, tensor } from "@damo/damo";

Deno.test("a profile counts calls, traces and kernels, and sorts by time", () => {
  const f = jit((x: Tensor) => x.sin().sum(), { name: "wave", profile: true });
  for (let i = 0; i < 3; i++) f(tensor([1, 2, 3]));
  f(tensor([1, 2]));
  const text = f.profile.toString();
  const sections = text.split("\n\n").map((part) => part.split("\n")[0]);
  assertEquals(sections, ["Functions", "Classes", "Operations", "Kernels", "Memory", "Compile phases"]);
  assertMatch(text, /% time {2}cumulative % {2}total ms {2}per call µs {2}calls {2}traces {2}function\n/);
  assertMatch(text, /100\.0\s+100\.0\s+\S+\s+\S+\s+4\s+2 {2}wave\n/);
  assert(text.includes("profile_test.ts:5"), text);
  assert(text.includes("wave(x: float32[3])") && text.includes("wave(x: float32[2])"), text);
});

Deno.test("functions can share a profile; without one nothing is measured", () => {
  const profile = new Profile();
  const f = jit((x: Tensor) => x.add(1), { name: "f", profile });
  const g = jit((x: Tensor) => x.mul(2), { name: "g", profile });
  const plain = jit((x: Tensor) => x.mul(2), { name: "plain" });
  f(tensor(1));
  g(tensor(1));
  plain(tensor(1));
  assertEquals(f.profile, g.profile);
  assertMatch(String(profile), / {2}f\n/);
  assertMatch(String(profile), / {2}g\n/);
  assertEquals(String(plain.profile), "");
  profile.clear();
  assertEquals(String(profile), "");
});
