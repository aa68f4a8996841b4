import { assertEquals, assertRejects } from "@std/assert";
import { FormatError } from "../../lib/trace/errors.ts";
import { decodeNpz } from "../../lib/io/npz.ts";
import { decodeZip, encodeZip } from "../../lib/io/zip.ts";
import { golden, patched } from "./golden.ts";

const text = new TextEncoder();

async function archive(compress: boolean): Promise<Uint8Array> {
  const members = new Map([["a", text.encode("abc".repeat(100))], ["b", new Uint8Array(1000)]]);
  return await encodeZip(members, { compress, comment: "note" });
}

/** Where the local header, directory entry or end record number `n` begins. */
function find(bytes: Uint8Array, signature: readonly number[], n = 0): number {
  for (let at = 0; at + 4 <= bytes.length; at++) {
    if (signature.every((byte, i) => bytes[at + i] === byte) && n-- === 0) return at;
  }
  throw new Error("not found");
}
const LOCAL = [0x50, 0x4b, 3, 4], ENTRY = [0x50, 0x4b, 1, 2], END = [0x50, 0x4b, 5, 6];

/** Each test changes bytes at a place relative to one of the records of a good archive. */
function refused(
  what: string,
  [signature, n, offset]: readonly [readonly number[], number, number],
  replacement: readonly number[],
  reason: string,
  compress = false,
): void {
  Deno.test(`A ZIP archive is refused: ${what}`, async () => {
    const good = await archive(compress);
    await decodeZip(good);
    const bad = patched(good, find(good, signature, n) + offset, replacement);
    await assertRejects(() => decodeZip(bad), FormatError, reason);
  });
}

refused("encrypted", [ENTRY, 0, 8], [1], "encrypted");
refused("another method", [ENTRY, 0, 10], [14], "method 14");
refused("a wrong checksum", [ENTRY, 0, 16], [1, 2, 3, 4], "checksum");
refused("a damaged member", [LOCAL, 0, 40], [0], "checksum");
refused("a stored size that differs", [ENTRY, 1, 24], [1], "is stored in 1000 bytes and claims");
refused("a member of 4 GB", [ENTRY, 0, 20], [254, 255, 255, 255], "outside the archive's members");
refused("an offset beyond the file", [ENTRY, 0, 42], [255, 255, 0, 0], "outside the archive's members");
refused("an offset where no member begins", [ENTRY, 1, 42], [100, 1, 0, 0], "no member begins");
refused("two members in one place", [ENTRY, 1, 42], [0, 0, 0, 0], "overlaps");
refused("another name at the member", [LOCAL, 0, 30], [0x63], "another name in its own header");
refused("a name twice", [ENTRY, 1, 46], [0x61], `has the member "a" twice`);
refused("a name that is not UTF-8", [ENTRY, 1, 46], [0xff], "not UTF-8");
refused("a name longer than the directory", [ENTRY, 1, 28], [255, 255], "ends outside it");
refused("an entry that is none", [ENTRY, 1, 0], [0], "directory is damaged");
refused("more members claimed than listed", [END, 0, 10], [3], "claims 3 members and lists 2");
refused("a directory outside the file", [END, 0, 16], [255, 255, 255], "the offset is wrong");
refused("a directory of 4 GB", [END, 0, 12], [255, 255, 255, 254], "the offset is wrong");
refused("several disks", [END, 0, 4], [1], "several files");
refused("a ZIP64 size without its field", [ENTRY, 0, 24], [255, 255, 255, 255], "ZIP64 field is missing");
refused("too much comes out", [ENTRY, 0, 24], [10, 0, 0, 0], "more than the 10 bytes", true);
refused("too little comes out", [ENTRY, 0, 24], [255, 1, 0, 0], "to 300 bytes, not to the 511", true);
refused("broken compression", [LOCAL, 0, 31], [255], "is broken", true);

Deno.test("A ZIP archive is refused: a bomb, by its claim and by what comes out", async () => {
  const bomb = await encodeZip(new Map([["b", new Uint8Array(2 ** 22)]]), { compress: true });
  assertEquals(bomb.length < 10_000, true);
  await assertRejects(
    () => decodeZip(bomb, { maxBytes: 2 ** 20 }),
    FormatError,
    "claims to hold 4194304 bytes",
  );
  const humble = patched(bomb, find(bomb, ENTRY) + 24, [100, 0, 0, 0]);
  await assertRejects(() => decodeZip(humble, { maxBytes: 2 ** 20 }), FormatError, "more than the 100 bytes");
  const [member] = (await decodeZip(bomb)).members.values();
  assertEquals(member.length, 2 ** 22);
});

Deno.test("A ZIP archive cut anywhere is refused", async () => {
  for (const compress of [false, true]) {
    const good = await archive(compress);
    for (let length = 0; length < good.length; length += length < good.length - 120 ? 37 : 1) {
      await assertRejects(() => decodeZip(good.slice(0, length)), FormatError);
    }
  }
});

Deno.test("A comment that looks like an end record does not mislead", async () => {
  const comment = "PK\u0005\u0006 and much more text than an end record has";
  const bytes = await encodeZip(new Map([["a", text.encode("x")]]), { comment });
  assertEquals((await decodeZip(bytes)).comment, comment);
});

Deno.test("An npz file is refused where a member is no array, and PyTorch's files are named", async () => {
  const readme = await encodeZip(new Map([["readme.txt", text.encode("x")]]));
  await assertRejects(() => decodeNpz(readme), FormatError, `"readme.txt" is not a .npy file`);
  const torch = await encodeZip(new Map([["archive/data.pkl", text.encode("x")]]));
  await assertRejects(() => decodeNpz(torch), FormatError, "PyTorch");
  const wrong = await encodeZip(new Map([["w.npy", text.encode("x")]]));
  await assertRejects(() => decodeNpz(wrong), FormatError, `Array "w" does not begin`);
});

Deno.test("NumPy's npz files with any byte changed are read or refused, never anything else", async () => {
  for (const name of ["numpy.npz", "numpy_compressed.npz"]) {
    const good = golden(name);
    let refusals = 0;
    for (let at = 0; at < good.length; at++) {
      try {
        await decodeNpz(patched(good, at, [good[at] ^ (1 << (at % 8))]));
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        refusals++;
      }
    }
    // Time stamps, versions and attributes may be anything; a checksum guards the rest.
    assertEquals(refusals > good.length / 2, true);
  }
});
