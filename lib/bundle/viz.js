/* @ts-self-types="../viz/mod.ts" */
import { viz as namespace } from "./damo.js";
const { display: display_, image: image_, imagePng: imagePng_, plot: plot_ } = namespace;
export { display_ as display, image_ as image, imagePng_ as imagePng, plot_ as plot };
