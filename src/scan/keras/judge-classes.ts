// The classes that are hazards by themselves or by one of their arguments.
import { type Frame, nameOf } from './config-frame.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json-types.ts';
import { judgeLambda, judgeTensorFlowOpLayer, judgeTfOpLambda } from './judge-lambda.ts';
import { placeKind } from './judge-strings.ts';
import type { KerasReporter } from './keras-report.ts';

type ClassJudge = (frame: Frame, config: JsonObject, reporter: KerasReporter) => void;

function judgeTfsmLayer(frame: Frame, config: JsonObject, reporter: KerasReporter): void {
  const path = typeof config.filepath === 'string' ? config.filepath : undefined;
  reporter.use(frame, 'TFSMLayer (external SavedModel path)');
  reporter.report(frame, {
    rule: 'code-execution/tfsm-layer',
    message: `TFSMLayer "${nameOf(frame.value) ?? ''}" loads and runs the SavedModel at ${path ?? 'a path that the file does not say'}`,
    ...(path === undefined
      ? {}
      : {
          argument: {
            name: 'filepath',
            value: path,
            origin: placeKind(path) === 'url' ? ('remote' as const) : ('constant-outside' as const),
          },
        }),
  });
}

function judgeTorchModule(frame: Frame, config: JsonObject, reporter: KerasReporter): void {
  const module = config.module;
  reporter.use(frame, 'TorchModuleWrapper layer');
  const text = isJsonObject(module) ? 'an object' : typeof module === 'string' ? `${module.length} characters` : 'nothing';
  reporter.report(frame, {
    rule: 'code-execution/torch-module',
    message: `TorchModuleWrapper "${nameOf(frame.value) ?? ''}" unpickles its module (${text}) with torch.load`,
    argument: { name: 'module', value: typeof module === 'string' ? module.slice(0, 60) : '', origin: 'constant-inside' },
  });
}

function judgeJaxLayer(frame: Frame, _config: JsonObject, reporter: KerasReporter): void {
  reporter.report(frame, {
    rule: 'code-execution/jax-layer',
    message: `${frame.className} "${nameOf(frame.value) ?? ''}" is made of Python functions that are stored in the model`,
  });
}

/** A string where the words of a vocabulary should be is opened as a file, and a URL is fetched (tf.io.gfile). */
function judgeVocabulary(frame: Frame, config: JsonObject, reporter: KerasReporter): void {
  for (const key of [
    'vocabulary',
    'vocab',
    'vocabulary_file',
    'vocab_file',
    'merges',
    'idf_weights',
    'mapping_file',
    'filename',
  ]) {
    const value = config[key];
    if (typeof value !== 'string' || value === '') continue;
    const kind = placeKind(value);
    // A SentencePiece model is a string too, in base64; and Keras Hub keeps vocabularies among its assets.
    if (kind === undefined && (key !== 'vocabulary' || value.length > 1024)) continue;
    reporter.use(frame, 'StringLookup/IndexLookup vocabulary path');
    reporter.report(frame, {
      rule: 'file-read/keras-vocabulary',
      severity: kind === undefined ? 'medium' : 'high',
      message: `${frame.className} "${nameOf(frame.value) ?? ''}" reads its vocabulary from ${kind === 'url' ? 'the URL' : 'the file'} ${value} when the model is loaded`,
      argument: {
        name: key,
        value,
        origin: kind === 'url' ? 'remote' : kind === 'outside' ? 'constant-outside' : 'constant-inside',
      },
    });
  }
}

function judgeCallback(does: string): ClassJudge {
  return (frame, config, reporter) => {
    const keys = ['filepath', 'log_dir', 'backup_dir', 'filename', 'root', 'path', 'directory'];
    const key = keys.find((candidate) => typeof config[candidate] === 'string');
    if (key === undefined) return;
    reporter.report(frame, {
      rule: 'file-write/keras-callback',
      message: `${frame.className} ${does} ${config[key]}`,
      argument: { name: key, value: String(config[key]), origin: 'constant-outside' },
    });
  };
}

const vocabularyClasses = [
  'StringLookup',
  'IntegerLookup',
  'TextVectorization',
  'IndexLookup',
  'PreprocessingLayer',
  'CategoryLookup',
  'VocabLookup',
];

/** By the last part of the class name: `Custom>Lambda`, `keras>Lambda` and `Lambda` are judged alike. */
const classJudges: ReadonlyMap<string, ClassJudge> = new Map<string, ClassJudge>([
  ['Lambda', judgeLambda],
  ['TFOpLambda', judgeTfOpLambda],
  ['SlicingOpLambda', judgeTfOpLambda],
  ['TensorFlowOpLayer', judgeTensorFlowOpLayer],
  ['TFSMLayer', judgeTfsmLayer],
  ['TorchModuleWrapper', judgeTorchModule],
  ['JaxLayer', judgeJaxLayer],
  ['FlaxLayer', judgeJaxLayer],
  ['ModelCheckpoint', judgeCallback('writes models to')],
  ['BackupAndRestore', judgeCallback('writes checkpoints to')],
  ['OrbaxCheckpoint', judgeCallback('writes checkpoints to')],
  ['CSVLogger', judgeCallback('writes a file at')],
  ['TensorBoard', judgeCallback('writes logs to')],
  ['RemoteMonitor', judgeCallback('sends the training log to')],
  ...vocabularyClasses.map((name) => [name, judgeVocabulary] as const),
]);

export function judgeClass(frame: Frame, config: JsonObject | undefined, reporter: KerasReporter): void {
  const name = frame.className?.split('>').at(-1) ?? '';
  const judge = classJudges.get(name);
  if (judge !== undefined) judge(frame, config ?? Object.create(null), reporter);
  else if (/(?:Tokenizer|Lookup|Vectorization|Vectorizer)$/.test(name) && config !== undefined)
    judgeVocabulary(frame, config, reporter);
}

/** The names of layers become parts of paths in archives and in folders of assets. */
export function judgeName(frame: Frame, name: JsonValue | undefined, reporter: KerasReporter): void {
  if (typeof name !== 'string' || !/[\\/.\0]/.test(name)) return;
  const parts = name.split(/[\\/]/);
  const escapes = parts.includes('..');
  if (escapes || name.includes('..')) reporter.use(frame, 'layer name containing ".."');
  if (!escapes && !/^(?:[\\/]|[A-Za-z]:[\\/])/.test(name) && !name.includes('\0')) return;
  reporter.report(frame, {
    rule: 'path-traversal/keras-name',
    // Converters from ONNX take over names that begin with a slash.
    severity: escapes ? 'high' : name.includes('\0') ? 'medium' : 'low',
    message: `${frame.className ?? 'A layer'} is named "${name}", which ${escapes ? 'leads out of' : 'is no name inside of'} the folder that Keras makes for it`,
    argument: { name: 'name', value: name },
  });
}
