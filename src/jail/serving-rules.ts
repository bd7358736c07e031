// What a worker may do once it has sealed itself, which is before it has seen a byte of a model: compute, and talk over the socket
// that it has. No file is opened, no process started, no socket made. Everything else ends the process, because whoever tries is
// in a model's hands. A call is refused with an error number only where Node, TensorFlow or the C library tries it and copes.
import { long, type Policy, type Rule, rulesFor } from './rules.ts';
import {
  abortRules,
  mapAnonymous,
  mapFixed,
  mapNoReserve,
  mapPrivate,
  mapStack,
  memoryRules,
  processRules,
  threadRules,
} from './shared-rules.ts';

const servingRules: readonly Rule[] = [
  ...rulesFor('allow', ['read', 'write'], 'the socket to the server, and the log'),
  ...rulesFor('allow', ['close'], 'the C library closes what it opened while it loaded', { rare: 'depends on who wins a race' }),
  ...rulesFor('allow', ['mmap'], 'malloc, V8, TensorFlow, stacks of threads', {
    // RLIMIT_DATA counts neither shared memory nor a stack that grows (MAP_GROWSDOWN): with either a model could take all there is.
    when: [long(3, [mapPrivate | mapAnonymous], mapFixed | mapNoReserve | mapStack)],
  }),
  ...rulesFor('allow', ['epoll_pwait'], "V8's thread for delayed tasks waits again after one", {
    rare: 'V8 delays a task only in garbage collections that no test reaches',
  }),
];

const refusals: readonly Rule[] = [
  ...rulesFor(
    'EACCES',
    ['openat'],
    'a model that reads a file gets an error; absl asks for the speed of a processor, glibc for how many, and both guess',
  ),
  ...rulesFor(
    'EACCES',
    ['newfstatat', 'fstat', 'statx', 'stat', 'lstat'],
    'a model that reads a file gets an error, the C library guesses',
    {
      rare: 'what asks for this does so in models that read files',
    },
  ),
  ...rulesFor('EPERM', ['prlimit64'], 'V8 asks glibc how large the stack is and guesses', {
    rare: 'not by the threads of test models',
  }),
  // Not access and faccessat: TensorFlow makes folders by trying access("/") for ever while that is refused. They end the process.
];

/** @param processId The worker's own, as it sees it itself. */
export function servingPolicy(processId: number): Policy {
  return {
    rules: [...servingRules, ...abortRules(processId), ...memoryRules, ...threadRules, ...processRules, ...refusals],
    otherwise: 'kill',
  };
}
