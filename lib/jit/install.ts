/** Makes the executor of this folder the one that lib/trace runs operations on. */
import { installExecutor } from "../trace/storage.ts";
import { EagerExecutor } from "./eager.ts";

installExecutor(new EagerExecutor());
