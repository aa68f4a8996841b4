import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { testShares, Turns } from "../../tools/test_shares.ts";

const tests = fromFileUrl(new URL("..", import.meta.url)).replace(/\/$/, "");

Deno.test("Many files of tests go to two processes, each file to one of them", async () => {
  const shares = await testShares([tests], []);
  if (navigator.hardwareConcurrency < 2) assertEquals(shares, [[tests]]);
  else {
    const [first, second] = shares;
    assertEquals(Math.abs(first.length - second.length) <= 1, true);
    const all = [...first, ...second];
    assertEquals(new Set(all).size, all.length);
    assertEquals(all.includes(fromFileUrl(import.meta.url)), true);
    assertEquals(all.every((file) => file.endsWith("_test.ts")), true);
  }
});

Deno.test("Few files, flags that mean one report, and paths that are not there go to one process", async () => {
  const one = `${tests}/tools`;
  assertEquals(await testShares([one], []), [[one]]);
  assertEquals(await testShares([tests], ["--junit-path=report.xml"]), [[tests]]);
  assertEquals(await testShares([tests, `${tests}/missing`], []), [[tests, `${tests}/missing`]]);
});

Deno.test("Reports follow one another whoever speaks or ends first, and nothing is lost", () => {
  let report = "";
  const turns = new Turns(3, (text) => report += new TextDecoder().decode(text));
  const say = (source: number, text: string): void => turns.add(source, new TextEncoder().encode(text));
  say(1, "b1 ");
  say(0, "a1 ");
  say(2, "c1 ");
  turns.end(1);
  assertEquals(report, "a1 ");
  say(0, "a2 ");
  turns.end(0);
  assertEquals(report, "a1 a2 b1 c1 ");
  say(2, "c2");
  turns.end(2);
  assertEquals(report, "a1 a2 b1 c1 c2");
});
