// A whole life of a model, in small: load, run, close. What TensorFlow does only once in a process (it looks for its own program, reads
// how many processors there are, starts its threads) happens here, before the worker is sealed, and needs no permission afterwards.
import { byteCount, dtypes, type Signature } from '../tensor/index.ts';
import type { ThreadOptions } from './protobuf.ts';
import { RamFiles } from './ram-files.ts';
import { Session } from './session.ts';
import type { TensorFlowLibrary } from './tensorflow-library.ts';

/** A protobuf field of a number, or of bytes; both short enough for lengths of one byte. */
function field(number: number, value: number | string | Uint8Array): Buffer {
  if (typeof value === 'number') return Buffer.from([number << 3, value]);
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

function node(name: string, op: string, inputs: readonly string[], typeAttribute: string): Buffer {
  const float = field(6, dtypes.DT_FLOAT.code);
  const attribute = Buffer.concat([field(1, typeAttribute), field(2, float)]);
  return field(1, Buffer.concat([field(1, name), field(2, op), ...inputs.map((input) => field(3, input)), field(5, attribute)]));
}

/** A SavedModel that multiplies a matrix with itself: enough for oneDNN and Eigen to look at the processor. */
function savedModel(): Buffer {
  const nodes = [node('x', 'Placeholder', [], 'dtype'), node('y', 'MatMul', ['x', 'x'], 'T')];
  const tags = field(1, field(4, 'serve'));
  return Buffer.concat([field(1, 1), field(2, Buffer.concat([tags, field(2, Buffer.concat(nodes))]))]);
}

const shape = [16, 16] as const;
const signature: Signature = {
  name: 'rehearsal',
  methodName: '',
  inputs: [{ alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT', shape }],
  outputs: [{ alias: 'y', tensorName: 'y:0', dtype: 'DT_FLOAT', shape }],
};

/** The first session fixes how many threads one operation may use, for the whole process. @throws MODEL_LOAD_FAILED, TENSORFLOW_…. */
export function rehearse(library: TensorFlowLibrary, threads: ThreadOptions): void {
  const files = new RamFiles(library, 'ram://rehearsal');
  files.append('saved_model.pb', savedModel());
  files.finish();
  const outputBytes = byteCount('DT_FLOAT', shape);
  const { intraOpThreads, interOpThreads } = threads;
  const options = { library, modelDirectory: files.directory, tags: ['serve'], intraOpThreads, interOpThreads };
  const session = Session.load({ ...options, signatures: [signature], maxOutputBytes: outputBytes });
  const call = session.call(0);
  call.setInput(0, dtypes.DT_FLOAT.code, shape, new Uint8Array(outputBytes));
  // A timeout, because it takes a path of its own.
  call.run(10_000, () => undefined);
  session.close();
  files.deleteLoaded();
}
