// Decides whether a model's worker may make memory executable after it was loaded. oneDNN, inside TensorFlow, compiles code for each
// shape that it meets, so only a model that meets no new shape after its warm-up can do without. A worker that is denied it and fails
// all the same must come back with it: a protection may cost a request, never a model.
import { formatShape, type Signature } from '../../tensor/index.ts';

export interface ExecutableMemory {
  readonly setting: 'allowed' | 'denied';
  /** For an operator. */
  readonly why: string;
}

/** What TensorFlow says when oneDNN could not compile. */
const refusedByOneDnn = /could not (create|execute) a primitive/;

/** @param shapes `compat` lets a request have other shapes than its signature. */
export function executableMemoryFor(signatures: readonly Signature[], shapes: 'strict' | 'compat'): ExecutableMemory {
  if (shapes === 'compat') return allowed('shapes: compat takes shapes that no warm-up has met');
  for (const { inputs } of signatures) {
    for (const { dtype, shape } of inputs) {
      if (shape === null || shape.includes(-1)) return allowed(`an input has the shape ${formatShape(shape)}`);
      // Their content decides about shapes inside the graph: how many words a text has, how large a picture is.
      if (dtype === 'DT_STRING') return allowed('an input holds strings, whose length may decide about shapes inside the model');
    }
  }
  return { setting: 'denied', why: 'all shapes are known and were met before the first request' };
}

/** True for a failed request that asks for another try with executable memory. */
export function needsExecutableMemory(message: string): boolean {
  return refusedByOneDnn.test(message);
}

function allowed(reason: string): ExecutableMemory {
  return { setting: 'allowed', why: `${reason}, for which TensorFlow compiles code` };
}
