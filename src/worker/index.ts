// The door of worker for the server: what to say to a worker process and where its entry lies. The code of the worker itself is never
// imported, only started, so that the server stays free of native code.
import { builtFile } from '../core/index.ts';

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

/** The file that Node runs as the worker. */
export const workerEntry: string = builtFile(import.meta.url, 'main.js');
