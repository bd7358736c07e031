// The strongest baseline that Node allows: node:http, JSON.parse and TensorFlow in one process, and nothing that refuses anything.
// It exists to be measured. It must never be served to anyone: a wrong shape or type here reads or writes out of bounds.
//
// usage: node bench/bare-node.js --libraries DIR --model DIR --port N [--async]
// With --async TensorFlow runs on a thread of libuv's pool, so that the next body can be parsed meanwhile.
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { parseArgs } from 'node:util';
import koffi from 'koffi';
import { flatten } from './lib/flatten.js';

const { values: flags } = parseArgs({
  options: {
    libraries: { type: 'string', default: '' },
    model: { type: 'string', default: '' },
    port: { type: 'string', default: '0' },
    async: { type: 'boolean', default: false },
  },
});

const floatType = 1;
const framework = koffi.load(path.join(flags.libraries, 'libtensorflow_framework.so.2'), { global: true, lazy: true });
const library = koffi.load(path.join(flags.libraries, 'libtensorflow_cc.so.2'), { global: true, lazy: true });
koffi.struct('TF_Output', { oper: 'void*', index: 'int' });

/** @param {string} declaration */
function bind(declaration) {
  try {
    return library.func(declaration);
  } catch {
    // Part of the C API lives in the framework library.
    return framework.func(declaration);
  }
}

const tf = {
  newStatus: bind('void* TF_NewStatus()'),
  code: bind('int TF_GetCode(void*)'),
  message: bind('const char* TF_Message(void*)'),
  newGraph: bind('void* TF_NewGraph()'),
  newOptions: bind('void* TF_NewSessionOptions()'),
  setConfig: bind('void TF_SetConfig(void*, const void*, size_t, void*)'),
  load: bind('void* TF_LoadSessionFromSavedModel(void*, void*, const char*, const char**, int, void*, void*, void*)'),
  operation: bind('void* TF_GraphOperationByName(void*, const char*)'),
  allocate: bind('void* TF_AllocateTensor(int, const int64_t*, int, size_t)'),
  remove: bind('void TF_DeleteTensor(void*)'),
  data: bind('void* TF_TensorData(void*)'),
  byteSize: bind('size_t TF_TensorByteSize(void*)'),
  run: bind(
    'void TF_SessionRun(void*, void*, const TF_Output*, void**, int, const TF_Output*, _Out_ void**, int, void*, int, void*, void*)',
  ),
};

const loadStatus = tf.newStatus();
/** @param {unknown} status */
function check(status) {
  if (tf.code(status) !== 0) throw new Error(tf.message(status));
}

const model = JSON.parse(fs.readFileSync(path.join(flags.model, 'model.json'), 'utf8'));
const graph = tf.newGraph();
const options = tf.newOptions();
// ConfigProto: one thread inside an op (field 2); ops run on the calling thread (field 5 = -1), which spares a switch of threads.
// Airlock does the same with its default of one thread each.
const config = Buffer.from([0x10, 1, 0x28, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
tf.setConfig(options, config, config.length, loadStatus);
check(loadStatus);
const session = tf.load(options, null, path.join(flags.model, '1'), ['serve'], 1, graph, null, loadStatus);
check(loadStatus);
const inputs = [{ oper: tf.operation(graph, model.input.operation), index: 0 }];
const outputs = [{ oper: tf.operation(graph, model.output.operation), index: model.output.index }];
const itemShape = model.inputShape.slice(1);
const itemLength = itemShape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
const answerLength = model.outputShape.slice(1).reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);

/** @type {number[]} */
let runMicroseconds = [];

/**
 * @param {Buffer} body
 * @param {(text: string) => void} done
 */
function predict(body, done) {
  const { instances } = JSON.parse(body.toString());
  const count = instances.length;
  const tensor = tf.allocate(floatType, [count, ...itemShape], 1 + itemShape.length, count * itemLength * 4);
  flatten(instances, new Float32Array(koffi.view(tf.data(tensor), count * itemLength * 4)), 0);
  const results = [null];
  const status = flags.async ? tf.newStatus() : loadStatus;
  const finish = () => {
    runMicroseconds.push((performance.now() - started) * 1000);
    tf.remove(tensor);
    check(status);
    const flat = new Float32Array(koffi.view(tf.data(results[0]), Number(tf.byteSize(results[0]))));
    let predictions = Array.from(flat);
    if (model.outputShape.length > 1) {
      const rows = /** @type {any[]} */ ([]);
      for (let i = 0; i < count; i++) rows.push(predictions.slice(i * answerLength, (i + 1) * answerLength));
      predictions = rows;
    }
    tf.remove(results[0]);
    done(JSON.stringify({ predictions }));
  };
  const args = [session, null, inputs, [tensor], 1, outputs, results, 1, null, 0, null, status];
  const started = performance.now();
  if (flags.async) tf.run.async(...args, finish);
  else {
    tf.run(...args);
    finish();
  }
}

const server = http.createServer((request, response) => {
  if (request.method === 'GET') {
    // The harness reads how long TF_SessionRun took since it last asked.
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(runMicroseconds));
    runMicroseconds = [];
    return;
  }
  /** @type {Buffer[]} */
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    predict(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks), (text) => {
      response.setHeader('content-type', 'application/json');
      response.setHeader('content-length', Buffer.byteLength(text));
      response.end(text);
    });
  });
});
server.listen(Number(flags.port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
