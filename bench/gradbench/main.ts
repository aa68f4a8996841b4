/**
 * Damo as a tool of GradBench: a message in JSON on each line of standard input, a response on each of standard output.
 *
 * Run: deno run bench/gradbench/main.ts
 */
import { respond } from "./protocol.ts";

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const parts: string[] = [];
  for await (
    const text of stream.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
  ) {
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      yield parts.splice(0).join("") + text.slice(start, end);
      start = end + 1;
    }
    parts.push(text.slice(start));
  }
  if (parts.join("").trim()) yield parts.join("");
}

const encoder = new TextEncoder();

for await (const line of lines(Deno.stdin.readable)) {
  const bytes = encoder.encode(JSON.stringify(respond(JSON.parse(line))) + "\n");
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}
