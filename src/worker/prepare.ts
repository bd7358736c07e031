// The first step of a worker, before it has seen a byte of a model: see what this process may do, load TensorFlow, give up the rest.
// A worker that still loaded files itself could be made to use that time by a hostile model.
import { hostArchitecture, servingFilter } from '../jail/index.ts';
import { installFilter } from '../kernel/index.ts';
import { loadTensorFlow, rehearse, type TensorFlowLibrary } from '../native/index.ts';
import { selfTest } from './self-test.ts';
import type { PreparedAnswer, PrepareRequest } from './worker-messages.ts';

export interface Prepared {
  readonly library: TensorFlowLibrary;
  readonly request: PrepareRequest;
  readonly answer: PreparedAnswer;
}

/** @throws RUNTIME_LOAD_FAILED; WORKER_START_FAILED when the kernel does not take the filter. */
export function prepare(request: PrepareRequest): Prepared {
  const results = selfTest();
  const library = loadTensorFlow(request);
  rehearse(library, request);
  // On every thread: the libraries have started some.
  if (request.seal) installFilter(servingFilter(hostArchitecture(), process.pid), { allThreads: true });
  return { library, request, answer: { tensorflowVersion: library.version, selfTest: results } };
}
