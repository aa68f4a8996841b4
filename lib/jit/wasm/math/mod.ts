export * from "./half.ts";
export * from "./helpers.ts";
export type { LaneType, MathContext } from "./lanes.ts";
export * from "./vector_math.ts";
