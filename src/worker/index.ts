// The door of worker for the server: what to say to a worker process and where its entry lies. The code of the worker itself is never
// imported, only started, so that the server stays free of native code.
import { fileURLToPath } from 'node:url';

export {
  type ErrorAnswer,
  type LoadRequest,
  type PreparedAnswer,
  type PrepareRequest,
  type ReadyAnswer,
  type SelfTestName,
  type SelfTestResult,
  selfTestNames,
  type WarmUp,
} from './worker-messages.ts';

/** The file that Node runs as the worker. From source it is the built one: Node 20 cannot run TypeScript. */
export const workerEntry: string = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/worker/main.js' : './main.js', import.meta.url),
);
