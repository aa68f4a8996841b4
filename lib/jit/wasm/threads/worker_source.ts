/** The program of a worker, as text: workers from text need no permission and no file. */

import { INIT_EXPORT, STRUCT_TILES_IMPORT } from "../contract/mod.ts";
import { spinRounds, words } from "./protocol.ts";

/** How many instances a worker keeps, least recently used first out. */
const instancesKept = 64;

/**
 * The source. It runs in workers of Node (CommonJS, data from `workerData`), and in those of Deno and browsers (data
 * from the first message). Each worker starts two more, so that the main thread only pays for the first.
 */
export const workerSource: string = `"use strict";
function work({ memory, control, thread, threads, source }) {
  const w = ${JSON.stringify(words)};
  const page = new Int32Array(memory.buffer, control, 1024);
  const instances = new Map();
  let structTiles = null;

  function importsOf(module) {
    const imports = {};
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
      const group = imports[from] ??= {};
      if (kind === "memory") group[name] = memory;
      else if (from === ${JSON.stringify(STRUCT_TILES_IMPORT)}) group[name] = tiles()[name];
      else if (kind === "function" && typeof Math[name] === "function") group[name] = Math[name];
      else if (kind === "function") group[name] = () => { throw new Error(name + " called in a worker"); };
    }
    return imports;
  }

  // A slice of shared memory is a copy, but not always an unshared one.
  function copy(address, length) {
    const bytes = new Uint8Array(memory.buffer, address >>> 0, length).slice();
    return bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes);
  }

  // Each thread has an instance of its own of the tiles that programs import.
  function tiles() {
    if (structTiles === null) {
      const module = new WebAssembly.Module(copy(page[w.tilesAddress], page[w.tilesLength]));
      structTiles = new WebAssembly.Instance(module, importsOf(module)).exports;
      structTiles[${JSON.stringify(INIT_EXPORT)}]();
    }
    return structTiles;
  }

  function instantiate(id, bytes) {
    const module = new WebAssembly.Module(bytes);
    const instance = new WebAssembly.Instance(module, importsOf(module));
    if (instances.size >= ${instancesKept}) instances.delete(instances.keys().next().value);
    instances.set(id, instance.exports.chunk);
  }

  // Takes part in the job if it is open; false if there was nothing to do.
  function takePart() {
    let unknown = null, id = 0;
    Atomics.add(page, w.active, 1);
    const open = Atomics.load(page, w.open) === 1;
    if (open) {
      id = page[w.module];
      const chunk = instances.get(id);
      if (chunk === undefined) {
        unknown = copy(page[w.bytesAddress], page[w.bytesLength]);
      } else {
        const f = page[w.functionIndex], argument = page[w.argument], chunks = page[w.chunks];
        try {
          while (Atomics.add(page, w.claimed, 1) < chunks) {
            chunk(f, argument, chunks - 1 - Atomics.add(page, w.claimedByWorkers, 1), thread);
          }
        } catch {
          Atomics.add(page, w.failures, 1);
        }
      }
    }
    if (Atomics.sub(page, w.active, 1) === 1 && Atomics.load(page, w.mainSleeps) === 1) Atomics.notify(page, w.active);
    if (unknown === null) return false;
    instantiate(id, unknown);
    return true;
  }

  Atomics.add(page, w.started, 1);
  for (let seen = Atomics.load(page, w.epoch);;) {
    while (takePart());
    let rounds = 0;
    while (Atomics.load(page, w.epoch) === seen) {
      if (++rounds < ${spinRounds}) continue;
      Atomics.add(page, w.sleepers, 1);
      Atomics.wait(page, w.epoch, seen);
      Atomics.sub(page, w.sleepers, 1);
      rounds = 0;
    }
    seen = Atomics.load(page, w.epoch);
  }
}

function startMore(data, start) {
  for (const thread of [2 * data.thread, 2 * data.thread + 1]) {
    if (thread < data.threads) start({ ...data, thread });
  }
}

if (typeof require === "function") {
  const { Worker, workerData } = require("node:worker_threads");
  startMore(workerData, (data) => new Worker(data.source, { eval: true, workerData: data }).unref());
  work(workerData);
} else {
  onmessage = ({ data }) => {
    startMore(data, (more) => {
      const url = URL.createObjectURL(new Blob([more.source], { type: "text/javascript" }));
      new Worker(url, { type: "module" }).postMessage(more);
    });
    // Messages to the new workers leave when this turn ends.
    setTimeout(() => work(data), 0);
  };
}
`;
