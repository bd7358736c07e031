// The rules about checkpoints. What TensorFlow does was tried on 2.21 with forged bundles; where older ones do worse, the
// advisory says so.
import type { Rule } from '../scan-types.ts';

const rebuild = 'Get the checkpoint again from where it came from, or save it again with the TensorFlow that trained the model.';

export const checkpointRules: readonly Rule[] = [
  {
    id: 'malformed/checkpoint-index',
    title: 'Checkpoint index is damaged',
    category: 'malformed',
    severity: 'medium',
    effect: 'Restoring the variables fails, and older readers of this format read outside their buffers.',
    fix: rebuild,
    sources: ['tensorflow/core/util/tensor_bundle/tensor_bundle.cc', 'CVE-2018-7577'],
  },
  {
    id: 'malformed/checkpoint-entry',
    title: 'Checkpoint entry that contradicts itself',
    category: 'malformed',
    severity: 'high',
    effect:
      'Data type, shape, size or place of a variable cannot be right; restoring it fails, or crashes TensorFlow before 2.7.',
    fix: rebuild,
    sources: ['CVE-2021-41203', 'CVE-2018-7575'],
  },
  {
    id: 'malformed/checkpoint-data',
    title: 'Checkpoint data file missing or too short',
    category: 'malformed',
    severity: 'medium',
    effect: 'Restoring the variables fails when the model is loaded.',
    fix: rebuild,
  },
  {
    id: 'malformed/checkpoint-overlap',
    title: 'Two variables of a checkpoint share bytes',
    category: 'malformed',
    severity: 'medium',
    effect:
      'TensorFlow never writes this: one value is read as two variables, which hides what a variable holds from who checks the other.',
    fix: rebuild,
  },
  {
    id: 'malformed/checkpoint-checksum',
    title: 'Checkpoint values do not match their checksum',
    category: 'malformed',
    severity: 'medium',
    effect: 'The values were changed or damaged after they were saved; TensorFlow refuses to restore them.',
    fix: rebuild,
  },
  {
    id: 'malformed/checkpoint-string',
    title: 'Checkpoint strings with wrong lengths',
    category: 'malformed',
    severity: 'high',
    effect:
      'TensorFlow reserves the length that the file claims before it reads, so that a few bytes ask for any amount of memory.',
    fix: rebuild,
  },
  {
    id: 'malformed/object-graph',
    title: 'Object graph of a checkpoint is inconsistent',
    category: 'malformed',
    severity: 'medium',
    effect: 'Restoring by object fails or restores other values than the names say.',
    fix: rebuild,
  },
  {
    id: 'malformed/checkpoint-state',
    title: 'Checkpoint state file names a checkpoint that is not there',
    category: 'malformed',
    severity: 'low',
    effect: '`tf.train.latest_checkpoint` finds nothing, or the wrong one.',
    fix: 'Delete the file `checkpoint`, or let it name a checkpoint beside it.',
  },
  {
    id: 'memory/checkpoint-tensor',
    title: 'Checkpoint entry that asks for too much memory',
    category: 'memory',
    severity: 'high',
    effect: 'TensorFlow reserves memory for the whole shape before it reads the file, which ends or stalls the process.',
    fix: rebuild,
  },
  {
    id: 'payload/uncovered-bytes',
    title: 'Bytes in a checkpoint that belong to no variable',
    category: 'payload',
    severity: 'low',
    effect: 'No reader of the checkpoint ever looks at them, so anything can be stored or smuggled there.',
    fix: rebuild,
  },
  {
    id: 'payload/unused-data-file',
    title: 'Data file that the checkpoint does not use',
    category: 'payload',
    severity: 'low',
    effect: 'The index names no such file: it is left over from another checkpoint, or something is stored in it.',
    fix: 'Delete the file.',
  },
  {
    id: 'code-execution/registered-saver',
    title: 'Checkpoint restored by a registered Python function',
    category: 'code-execution',
    severity: 'low',
    effect: 'Restoring calls the function that the loading process registered under this name; without one it fails.',
    fix: 'Export a SavedModel, which needs no function of yours to be loaded.',
  },
  {
    id: 'code-execution/python-state',
    title: 'Checkpoint with the state of a Python object',
    category: 'code-execution',
    severity: 'info',
    effect: 'Restoring hands this string to the `deserialize` of a Python object in the loading process; some unpickle it.',
    fix: 'Export a SavedModel, which holds no Python state.',
  },
  {
    id: 'path-traversal/checkpoint-state',
    title: 'Checkpoint state file points elsewhere',
    category: 'path-traversal',
    severity: 'high',
    effect:
      '`tf.train.latest_checkpoint` returns this path, so another checkpoint is restored than the one that was shipped and scanned.',
    fix: 'Let the file `checkpoint` name only checkpoints beside it, by relative names.',
  },
  {
    id: 'network/checkpoint-state',
    title: 'Checkpoint state file points to another machine',
    category: 'network',
    severity: 'high',
    effect: '`tf.train.latest_checkpoint` returns this address, and the variables are fetched from there.',
    fix: 'Let the file `checkpoint` name only checkpoints beside it, by relative names.',
  },
  {
    id: 'parser-differential/checkpoint-state',
    title: 'Checkpoint state file that says two things',
    category: 'parser-differential',
    severity: 'medium',
    effect: 'Python takes the last value of the field, C++ refuses the file, and who reviews it may read the first.',
    fix: 'Keep one model_checkpoint_path.',
  },
];
