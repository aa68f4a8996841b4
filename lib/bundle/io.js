/* @ts-self-types="../io/mod.ts" */
import { io as namespace } from "./damo.js";
const { decode: decode_, encode: encode_, load: load_, save: save_ } = namespace;
export { decode_ as decode, encode_ as encode, load_ as load, save_ as save };
