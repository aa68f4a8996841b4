/** The second thread of the limit (limit.ts): it gets the shared words and says that it is there. */
import { help } from "./limit.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Int32Array>) => void;
  postMessage(message: unknown): void;
};

scope.onmessage = ({ data }) => {
  scope.postMessage(null);
  help(data);
};
