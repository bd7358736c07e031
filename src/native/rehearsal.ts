// A whole life of a model, in small: load, run, close. What TensorFlow does only once in a process (it looks for its own program, reads
// how many processors there are, starts its threads) happens here, before the worker is sealed, and needs no permission afterwards.
import { byteCount, dtypes, type Signature } from '../tensor/index.ts';
import { type ThreadOptions, varint } from './protobuf.ts';
import { RamFiles } from './ram-files.ts';
import { Session } from './session.ts';
import type { TensorFlowLibrary } from './tensorflow-library.ts';

/** A protobuf field of a number below 128, or of bytes. */
function field(number: number, value: number | string | Uint8Array): Buffer {
  if (typeof value === 'number') return Buffer.from([number << 3, value]);
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(BigInt(bytes.length))]), bytes]);
}

const message = (...fields: Buffer[]): Buffer => Buffer.concat(fields);
const entry = (key: string, value: Buffer): Buffer => message(field(1, key), field(2, value));
const float = dtypes.DT_FLOAT.code;
/** Values of attributes. */
const floatType = field(6, float);
const floatTypes = field(1, field(6, Uint8Array.of(float)));

function node(name: string, op: string, inputs: readonly string[], attributes: Readonly<Record<string, Buffer>>): Buffer {
  const values = Object.entries(attributes).map(([key, value]) => field(5, entry(key, value)));
  return field(1, message(field(1, name), field(2, op), ...inputs.map((input) => field(3, input)), ...values));
}

/** A function that gives back what it gets, and that TensorFlow must call: it may not put the content in the call's place. */
function functionLibrary(): Buffer {
  const argument = (name: string): Buffer => message(field(1, name), field(3, float));
  const head = message(field(1, 'same'), field(2, argument('a')), field(3, argument('b')));
  return field(
    1,
    message(field(1, head), field(5, entry('_noinline', field(5, 1))), field(4, message(field(1, 'b'), field(2, 'a')))),
  );
}

/**
 * A SavedModel that multiplies a matrix with itself, which is enough for oneDNN and Eigen to look at the processor, and calls a function:
 * for that each thread has random numbers of its own, which begin with /dev/urandom.
 */
function savedModel(): Buffer {
  const nodes = [
    node('x', 'Placeholder', [], { dtype: floatType }),
    node('product', 'MatMul', ['x', 'x'], { T: floatType }),
    node('y', 'PartitionedCall', ['product'], { Tin: floatTypes, Tout: floatTypes, f: field(10, field(1, 'same')) }),
  ];
  const graph = message(...nodes, field(2, functionLibrary()));
  return message(field(1, 1), field(2, message(field(1, field(4, 'serve')), field(2, graph))));
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
