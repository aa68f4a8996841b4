/** DEFLATE (RFC 1951) through the platform's streams, with a bound on what comes out. */
import { refuse } from "./file_array.ts";

/** Compresses bytes. */
export async function deflate(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  return new Uint8Array(
    await new Response(stream.pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer(),
  );
}

/**
 * Decompresses bytes that claim to become `length` bytes. What comes out is counted as it comes, so that a small file
 * cannot fill the memory by its claim.
 */
export async function inflate(
  bytes: Uint8Array,
  length: number,
  where: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const source = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
  const reader = source.pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const chunks: Uint8Array[] = [];
  let total = 0;
  while (true) {
    let step: ReadableStreamReadResult<Uint8Array>;
    try {
      step = await reader.read();
    } catch (error) {
      refuse(
        `${where}: the compressed data is broken (${
          error instanceof Error ? error.message : String(error)
        }).`,
      );
    }
    if (step.done) break;
    total += step.value.length;
    if (total > length) {
      await reader.cancel().catch(() => {});
      refuse(`${where}: it decompresses to more than the ${length} bytes that it claims.`);
    }
    chunks.push(step.value);
  }
  if (total !== length) {
    refuse(`${where}: it decompresses to ${total} bytes, not to the ${length} that it claims.`);
  }
  const whole = new Uint8Array(total);
  let position = 0;
  for (const chunk of chunks) {
    whole.set(chunk, position);
    position += chunk.length;
  }
  return whole;
}
