// TensorFlow alone: a plain child that loads the libraries and a model as a worker does, and does nothing else. Told what to load in its
// arguments; says when it has the libraries, when the model, and when the first answer.
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { loadTensorFlow, RamFiles, Session } from '../../../dist/native/index.js';

const [ccPath, frameworkPath, directory, signatures] = process.argv.slice(2);
const library = loadTensorFlow({ ccPath, frameworkPath });
writeSync(1, 'libraries\n');
const files = new RamFiles(library, 'ram://model');
for (const name of readdirSync(directory, { recursive: true, withFileTypes: true })) {
  if (!name.isFile()) continue;
  const file = path.join(name.parentPath ?? name.path, name.name);
  files.append(path.relative(directory, file), readFileSync(file));
}
files.finish();
const options = { library, modelDirectory: files.directory, tags: ['serve'], intraOpThreads: 1, interOpThreads: 1 };
const session = Session.load({ ...options, signatures: JSON.parse(signatures), maxOutputBytes: 1 << 26 });
writeSync(1, 'model\n');
const call = session.call(0);
// One image of nothing, as floats.
call.setInput(0, 1, [1, 8, 8, 1], new Uint8Array(8 * 8 * 4));
call.run(10_000, () => undefined);
writeSync(1, 'answer\n');
// Until it is ended.
setInterval(() => undefined, 1000);
