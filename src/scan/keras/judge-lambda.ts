// Layers that hold or name a function: Lambda in the forms of Keras 1, 2 and 3, and the layers that Keras 2 makes of calls of TensorFlow
// functions. The bytecode is described, never run.
import { type Bytecode, readBytecodeText } from './bytecode.ts';
import { type Frame, nameOf } from './config-frame.ts';
import { isJsonList, isJsonObject, type JsonObject, type JsonValue } from './json-types.ts';
import { judgeModule } from './judge-module.ts';
import type { KerasReporter } from './keras-report.ts';

/** Where Lambda layers hold functions. */
export const lambdaFunctionKeys: readonly string[] = ['function', 'output_shape', 'mask', 'mask_function', 'call', 'fn'];

/** The bytecode of `[code, defaults, closure]`, a bare string, or `{class_name: "__lambda__", config: {code | value}}`. */
function codeOf(value: JsonValue | undefined): { text: string; code: Bytecode | undefined } | undefined {
  let at = value;
  for (let step = 0; step < 6; step++) {
    if (typeof at === 'string') return { text: at, code: readBytecodeText(at) };
    if (isJsonList(at)) at = at[0];
    else if (isJsonObject(at)) at = at.code ?? at.value ?? at.items ?? at.config;
    else return undefined;
  }
  return undefined;
}

export function describeCode(code: Bytecode | undefined): string {
  if (code === undefined) return 'Python bytecode';
  const names = code.telling.length === 0 ? '' : ` that names ${code.telling.join(', ')}`;
  return `${code.sizeBytes} bytes of Python bytecode${names}`;
}

function isLambdaForm(value: JsonValue | undefined, type: JsonValue | undefined): boolean {
  if (type === 'lambda') return true;
  if (isJsonObject(value)) return value.class_name === '__lambda__' || value.className === '__lambda__';
  // Keras 2 writes [code, defaults, closure]; its decoder takes any list for one.
  return isJsonList(value) && typeof value[0] === 'string' && (value[0].length > 40 || readBytecodeText(value[0]) !== undefined);
}

/** `Lambda`: which function it calls, and whether that is bytecode in the file. */
export function judgeLambda(frame: Frame, config: JsonObject, reporter: KerasReporter): void {
  const name = nameOf(frame.value) ?? '';
  reporter.use(frame, 'Lambda layer');
  let hasCode = false;
  for (const key of lambdaFunctionKeys) {
    const value = config[key];
    const isCode = typeof value === 'string' && readBytecodeText(value) !== undefined;
    if (value === undefined || value === null || !(isCode || isLambdaForm(value, config[`${key}_type`]))) continue;
    hasCode = true;
    const found = codeOf(value);
    reporter.report(frame, {
      rule: 'code-execution/keras-lambda',
      message: `Lambda layer "${name}" runs ${describeCode(found?.code)} as its ${key === 'function' ? 'function' : `${key} function`}`,
      argument: { name: key, value: found?.text.slice(0, 60) ?? '', origin: 'constant-inside' },
    });
  }
  for (const key of ['module', 'output_shape_module', 'mask_module', 'function_module']) {
    const module = config[key];
    if (typeof module !== 'string') continue;
    // Keras 2 gives the globals of that module to the function, when it is imported already.
    const called = typeof config.function === 'string' ? config.function : '';
    const verdict = judgeModule({ module, name: called, isFunction: true, registeredName: called });
    if (verdict?.ruleId !== 'code-execution/module-reference') continue;
    reporter.report(frame, {
      rule: verdict.ruleId,
      severity: verdict.severity,
      message: `Lambda layer "${name}" calls ${called === '' ? 'a function' : `"${called}"`} with the names of module ${module}`,
      argument: { name: key, value: module },
    });
  }
  if (hasCode || isJsonObject(config.function)) return;
  const called = typeof config.function === 'string' ? config.function : undefined;
  reporter.report(frame, {
    rule: 'code-execution/keras-function',
    message: `Lambda layer "${name}" calls ${called === undefined ? 'a function that the file does not say' : `the registered function "${called}"`}`,
    ...(called === undefined ? {} : { argument: { name: 'function', value: called } }),
  });
}

/** `{class_name: "__lambda__"}` anywhere: a function of its own, where no Lambda layer is around it. */
export function judgeLambdaObject(frame: Frame, object: JsonObject, reporter: KerasReporter): void {
  const found = codeOf(object.config);
  const owner = frame.parent?.className;
  reporter.use(frame, 'Lambda layer');
  reporter.report(frame, {
    rule: 'code-execution/keras-lambda',
    message: `A Python lambda (__lambda__) in ${owner ?? 'the configuration'}${frame.key === undefined ? '' : ` as "${frame.key}"`} runs ${describeCode(found?.code)}`,
    argument: { name: String(frame.key ?? 'config'), value: found?.text.slice(0, 60) ?? '', origin: 'constant-inside' },
  });
}

/** What functions of TensorFlow reach beyond the model, by the beginning of the public name. */
const reachingSymbols: readonly (readonly [RegExp, 'critical' | 'high', string])[] = [
  [/^(?:py_function|numpy_function|compat\.v1\.py_func|py_func|autograph\.)/, 'critical', 'calls Python'],
  [
    /^(?:load_library|load_op_library|load_file_system_library|experimental\.register_filesystem_plugin)/,
    'critical',
    'loads native code',
  ],
  [
    /^(?:saved_model\.|keras\.models\.load|keras\.saving|compat\.v1\.saved_model|hub\.)/,
    'critical',
    'loads or saves another model',
  ],
  [
    /^io\.(?:read_file|write_file|matching_files|gfile|TFRecord|write_graph|match_filenames_once)/,
    'critical',
    'reads, writes or deletes files',
  ],
  [/^(?:data\.|compat\.v1\.data\.)/, 'high', 'reads data from files or services'],
  [
    /^(?:train\.|summary\.|profiler\.|debugging\.experimental|compat\.v1\.(?:gfile|train|summary|Session|python_io|import_graph_def))/,
    'high',
    'reads or writes files',
  ],
  [
    /^(?:distribute\.|config\.|tpu\.|raw_ops\.(?:ReadFile|WriteFile|MatchingFiles|PyFunc|EagerPyFunc|PyFuncStateless|Save|Restore|MergeV2|ImmutableConst|.*Dataset|.*Reader|Debug|Rpc|RemoteCall|Abort|LookupTableExport|InitializeTableFromTextFile|FileSystem|.*Summary|PrintV2|LoadAndRemapMatrix|Send|Recv|Collective))/,
    'high',
    'reaches beyond the model',
  ],
  [/^(?:graph_util\.|function$|import_graph_def|print$|sysconfig\.|test\.|tools\.)/, 'high', 'reaches beyond the model'],
];

/** `TFOpLambda` (and `SlicingOpLambda`): the public TensorFlow function that it calls. */
export function judgeTfOpLambda(frame: Frame, config: JsonObject, reporter: KerasReporter): void {
  const symbol = config.function;
  if (typeof symbol !== 'string') return;
  const bare = symbol.replace(/^(?:tf|tensorflow)\./, '');
  const hit = reachingSymbols.find(([pattern]) => pattern.test(bare));
  if (hit === undefined || bare === 'print') return;
  reporter.report(frame, {
    rule: 'code-execution/tf-op-layer',
    severity: hit[1],
    trigger: 'inference',
    message: `${frame.className} layer "${nameOf(frame.value) ?? ''}" calls tf.${bare}, which ${hit[2]}`,
    argument: { name: 'function', value: symbol },
  });
}

const reachingOps =
  /^(?:ReadFile|WriteFile|MatchingFiles|PyFunc|PyFuncStateless|EagerPyFunc|Save\w*|Restore\w*|MergeV2Checkpoints|ImmutableConst|\w*Dataset\w*|\w*Reader\w*|Debug\w*|Rpc\w*|RemoteCall|Abort|LookupTableExport\w*|InitializeTableFromTextFile\w*|FileSystemSetConfiguration|\w*Summary\w*|LoadAndRemapMatrix|_?Send|_?Recv|Collective\w*|XlaCustomCall\w*|GenerateVocabRemapping|DumpTensor|RecordInput)$/;

/** `TensorFlowOpLayer` of TensorFlow 2.0 to 2.3 holds a NodeDef, as JSON or text. */
export function judgeTensorFlowOpLayer(frame: Frame, config: JsonObject, reporter: KerasReporter): void {
  const node = config.node_def;
  const op = isJsonObject(node)
    ? node.op
    : typeof node === 'string'
      ? /"?op"?\s{0,8}:\s{0,8}"([^"]{1,200})"/.exec(node)?.[1]
      : undefined;
  if (typeof op !== 'string' || !reachingOps.test(op)) return;
  reporter.report(frame, {
    rule: 'code-execution/tf-op-layer',
    severity: 'critical',
    trigger: 'inference',
    message: `TensorFlowOpLayer "${nameOf(frame.value) ?? ''}" runs the operation ${op}, which reaches beyond the model`,
    argument: { name: 'node_def', value: op },
  });
}
