import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { readFile, writeFileAtomically } from "../../lib/io/atomic_file.ts";

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name);
}

Deno.test("A file is written, replaced and read, and nothing is left beside it", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a.bin");
    for (const size of [0, 1, 1_000_003, 5]) {
      const bytes = Uint8Array.from({ length: size }, (_, i) => i);
      await writeFileAtomically(path, bytes);
      assertEquals(new Uint8Array(await readFile(path)), bytes);
      assertEquals(namesIn(folder), ["a.bin"]);
    }
  });
});

Deno.test("A write that fails leaves the old file and no partial one", async () => {
  await withFolder(async (folder) => {
    // A folder in the place of the file makes the last step fail, after the bytes were written.
    const path = join(folder, "taken");
    await Deno.mkdir(path);
    await Deno.writeTextFile(join(path, "old"), "old");
    await assertRejects(() => writeFileAtomically(path, new Uint8Array(10)));
    assertEquals(namesIn(folder), ["taken"]);
    assertEquals(await Deno.readTextFile(join(path, "old")), "old");
    await assertRejects(() => writeFileAtomically(join(folder, "missing", "a"), new Uint8Array(1)));
  });
});

Deno.test("A process killed while it writes leaves a whole file, the old or the new one", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "checkpoint.bin");
    const size = 3_000_000;
    const script = join(folder, "writer.ts");
    await Deno.writeTextFile(
      script,
      `import { writeFileAtomically } from ${
        JSON.stringify(import.meta.resolve("../../lib/io/atomic_file.ts"))
      };
      for (let n = 0;; n = (n + 1) % 251) {
        await writeFileAtomically(${JSON.stringify(path)}, new Uint8Array(${size}).fill(n));
        if (n === 1) console.log("two written");
      }`,
    );
    for (let kill = 0; kill < 3; kill++) {
      const writer = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-check",
          "--no-config",
          `--allow-read=${folder}`,
          `--allow-write=${folder}`,
          script,
        ],
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      const reader = writer.stdout.getReader();
      await reader.read();
      await new Promise((resolve) => setTimeout(resolve, 7 * kill + 3));
      writer.kill("SIGKILL");
      await reader.cancel();
      await writer.status;
      const bytes = await readFile(path);
      assertEquals(bytes.length, size);
      assertEquals(bytes.every((byte) => byte === bytes[0]), true);
    }
  });
});
