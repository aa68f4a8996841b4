/** Files of functions that are damaged, or made to do harm. */
import { assert, assertThrows } from "@std/assert";
import {
  exportFunction,
  FormatError,
  importFunction,
  jit,
  scan,
  shared,
  type Tensor,
  tensor,
  zeros,
} from "@damo/damo";
import { crc32 } from "../../lib/io/checksum.ts";

function sample(): Uint8Array<ArrayBuffer> {
  const offset = tensor([1, 2]);
  const state = shared([3, 4], { name: "state" });
  return exportFunction(
    jit((x: Tensor, n: number) => {
      state.value = state.value.mul(n);
      const [last] = scan((h: Tensor, row: Tensor) => [h.add(row), h], state.value, x);
      return { sums: last.add(offset), max: x.max({ axis: 0 }), at: x.narrow(0, 1, 2) };
    }),
    zeros([3, 2]),
    0.5,
  );
}

/** The bytes with another header, and a checksum that fits. */
function withHeader(bytes: Uint8Array, change: (header: string) => string): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = view.getUint32(8, true);
  const json = new TextDecoder().decode(bytes.subarray(16, 16 + length)).trimEnd();
  const changed = new TextEncoder().encode(change(json));
  const padded = Math.ceil(changed.length / 8) * 8;
  const made = new Uint8Array(16 + padded + bytes.length - 16 - length).fill(0x20);
  made.set(bytes.subarray(0, 16));
  made.set(changed, 16);
  made.set(bytes.subarray(16 + length), 16 + padded);
  return reseal(made, padded);
}

function reseal(bytes: Uint8Array, length?: number): Uint8Array {
  const view = new DataView(bytes.buffer);
  if (length !== undefined) view.setUint32(8, length, true);
  view.setUint32(12, crc32(bytes.subarray(16)), true);
  return bytes;
}

Deno.test("every truncation and every flipped byte is refused", () => {
  const bytes = sample();
  importFunction(bytes);
  for (let length = 0; length < bytes.length; length += 13) {
    assertThrows(() => importFunction(bytes.subarray(0, length)), FormatError);
  }
  for (let i = 0; i < bytes.length; i += 7) {
    const damaged = bytes.slice();
    damaged[i] ^= 1 << (i % 8);
    assertThrows(() => importFunction(damaged), FormatError);
  }
  const newer = bytes.slice();
  newer[4] = 2;
  assertThrows(() => importFunction(newer), FormatError, "version 2");
  assertThrows(() => importFunction(new Uint8Array(0)), FormatError);
});

Deno.test("hostile headers are refused with a FormatError, whatever part of them is changed", () => {
  const bytes = sample();
  const hostile: [string, string][] = [
    ['["add"', '["addition"'],
    ['["max",[', '["constructor",['],
    ['"axes":[0]', '"axes":[7]'],
    ['"axes":[0]', '"axes":[0,0]'],
    ['"axes":[0]', '"axes":"all"'],
    ['"axes":[0]', '"axes":[0],"axes":[0]'],
    ['"axes":[0]', '"axis":0'],
    ['"captured":1', '"captured":2'],
    ['"captured":1', '"captured":1e300'],
    ['"reads":[0]', '"reads":[1]'],
    ['"writes":[0]', '"writes":[0,0]'],
    ['"number":null', '"number":3'],
    ['"float32",[3,2]', '"float32",[3,-2]'],
    ['"float32",[3,2]', '"float32",[9007199254740991,9007199254740991]'],
    ['"float32",[3,2]', '"complex64",[3,2]'],
    ['"stop":[3,2]', '"stop":[3,1000000000]'],
    ['"body":0', '"body":1'],
    ['"body":0', '"body":null'],
    ['"length":3', '"length":4'],
    ['"graphs":[', '"graphs":[{"inputs":[],"nodes":[],"outputs":[]},'],
    ['"graphs":[', `"graphs":[${"[".repeat(100_000)}`],
  ];
  for (const [from, to] of hostile) {
    let found = false;
    const changed = withHeader(bytes, (json) => {
      found = json.includes(from);
      return json.replace(from, to);
    });
    assert(found, `${from} is not in the header`);
    assertThrows(() => importFunction(changed), FormatError, undefined, `${from} -> ${to}`);
  }
});

Deno.test("random changes of the header give a FormatError or a function that runs", () => {
  const bytes = sample();
  const length = new DataView(bytes.buffer).getUint32(8, true);
  let seed = 12345;
  const random = (n: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * n);
  };
  const alphabet = '0123456789-[]{},":eat';
  let refused = 0;
  for (let round = 0; round < 1500; round++) {
    const changed = bytes.slice();
    for (let k = random(3); k >= 0; k--) {
      changed[16 + random(length)] = alphabet.charCodeAt(random(alphabet.length));
    }
    reseal(changed);
    try {
      importFunction(changed);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      refused++;
    }
  }
  assert(refused > 1000, String(refused));
});
