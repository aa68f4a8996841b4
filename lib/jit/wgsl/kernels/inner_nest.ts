/** Nests inside other shaders. */
import { sizeOf } from "../../../trace/shape.ts";
import type { Nest } from "../../kernel/kernel.ts";
import type { Access } from "../access.ts";
import type { Place } from "../place.ts";
import type { Shader } from "../shader.ts";
import { SOFTWARE } from "../tuning.ts";
import { type NestOptions, NestShader } from "./nest_shader.ts";

/** A nest inside another shader, whose threads share its rows. */
export interface InnerNestOptions {
  readonly kernel: Nest;
  readonly places: readonly Place[];
  readonly shader: Shader;
  readonly access: Access;
  readonly threads: number;
}

/** Writes a nest, element by element: nothing of it depends on the tuning. */
export function writeNestInside({ kernel, places, shader, access, threads }: InnerNestOptions): void {
  const options: NestOptions = {
    kernel,
    places,
    lanes: { axis: -1, count: 1, overrun: false },
    mode: { kind: "whole", threads: 1 },
    rowGroups: sizeOf(kernel.domain.slice(0, kernel.rowRank)),
    tuning: SOFTWARE,
  };
  new NestShader(options, { shader, access }).writeInside(threads);
}
