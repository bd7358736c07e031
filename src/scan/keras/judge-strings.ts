// What strings in a configuration can be: code, addresses, paths outside of the model. Judged by their content and by where they stand; a URL in
// a layer's name is nothing, and one among the arguments of a function is.
import { readBytecodeText } from './bytecode.ts';
import { type Frame, keyOf, layerOf } from './config-frame.ts';
import type { KerasReporter } from './keras-report.ts';

/** What a string says about a place, or undefined. */
export function placeKind(text: string): 'url' | 'outside' | undefined {
  if (text.length < 3 || text.length > 4096 || /[\r\n]/.test(text)) return undefined;
  if (/^[A-Za-z][A-Za-z0-9+.-]{1,15}:\/\/\S/.test(text)) return 'url';
  if (/^(?:\/[\w.@-]|~[\w-]*\/|\\\\[\w.?-]|[A-Za-z]:[\\/])/.test(text) && !/\s{2}/.test(text)) return 'outside';
  return text.split(/[\\/]/, 64).includes('..') && /[\\/]/.test(text) ? 'outside' : undefined;
}

/** Keys whose value somebody opens, fetches or writes. */
const placeKeys: ReadonlySet<string> = new Set(
  `path paths file files filepath file_path filename file_name fname fpath dir directory folder log_dir logdir backup_dir save_dir save_path
  output_dir cache_dir cache_subdir model_path weights_path checkpoint checkpoint_path weights to_file url uri origin root host endpoint
  address vocabulary_file vocab_file vocab_path asset assets target source destination dest src dst handle extract_path
  embeddings_file proto merges config_path script command cmd`.split(/\s+/),
);

/** Keys whose text is for people. */
const textKeys: ReadonlySet<string> = new Set([
  'name',
  'description',
  'doc',
  'docs',
  '__doc__',
  'license',
  'homepage',
  'citation',
  'author',
  'documentation',
]);

const sourceText =
  /(?:\b__import__\s{0,4}\(|\bos\.(?:system|popen|exec[lv]p?e?|spawn\w{0,4}|remove|unlink)\s{0,4}\(|\bsubprocess\.\w{1,20}\s{0,4}\(|\b(?:eval|exec|compile)\s{0,4}\(\s{0,4}['"\w]|\bimport\s{1,4}(?:os|subprocess|socket|ctypes|pickle|sys|shutil|builtins)\b|\bpickle\.loads?\s{0,4}\(|\bsocket\.socket\s{0,4}\(|__(?:globals|subclasses|builtins)__)/;
const maxSourceChars = 64 * 1024;

function judgePlace(frame: Frame, text: string, kind: 'url' | 'outside', reporter: KerasReporter): void {
  const key = keyOf(frame);
  if (textKeys.has(key)) return;
  const isOpened = frame.isArgument || placeKeys.has(key);
  // KerasLayer of TensorFlow Hub loads a module from its handle, and says so in every model that was made with it.
  const isHub = key === 'handle' && frame.className === 'KerasLayer';
  const owner = `${frame.className ?? 'The configuration'} "${layerOf(frame) ?? ''}"`;
  const argument = { name: key, value: text, origin: kind === 'url' ? ('remote' as const) : ('constant-outside' as const) };
  if (kind === 'url') {
    reporter.report(frame, {
      rule: 'network/keras-url',
      severity: isOpened && !isHub ? 'medium' : 'low',
      message: `${owner} has the URL ${text} as ${key}${isOpened ? ', which is fetched or sent to where the model is loaded' : ''}`,
      argument,
    });
  } else {
    reporter.report(frame, {
      rule: 'file-read/keras-path',
      severity: isOpened ? 'medium' : 'low',
      message: `${owner} has the path ${text} as ${key}${isOpened ? ', which is opened on the machine where the model is loaded' : ''}`,
      argument,
    });
  }
}

/** Judges one string. Bytecode in a Lambda layer is the business of whoever judges that; `isLambda` says so. */
export function judgeString(frame: Frame, text: string, isLambda: boolean, reporter: KerasReporter): void {
  if (text.length < 3) return;
  if (!isLambda) {
    const bytecode = readBytecodeText(text);
    if (bytecode !== undefined) {
      const names = bytecode.telling.length === 0 ? '' : ` that names ${bytecode.telling.join(', ')}`;
      reporter.report(frame, {
        rule: 'code-execution/keras-lambda',
        message: `${frame.className ?? 'The configuration'} "${layerOf(frame) ?? ''}" holds ${bytecode.sizeBytes} bytes of Python bytecode${names} as ${keyOf(frame)}`,
        argument: { name: keyOf(frame), value: text.slice(0, 60), origin: 'constant-inside' },
      });
      return;
    }
  }
  const kind = placeKind(text);
  if (kind !== undefined) {
    judgePlace(frame, text, kind, reporter);
    return;
  }
  if (text.length < 8 || textKeys.has(keyOf(frame))) return;
  const match = sourceText.exec(text.length > maxSourceChars ? text.slice(0, maxSourceChars) : text);
  if (match === null) return;
  reporter.report(frame, {
    rule: 'code-execution/keras-source',
    message: `${frame.className ?? 'The configuration'} "${layerOf(frame) ?? ''}" has Python code with ${match[0]}… as ${keyOf(frame)}`,
    argument: { name: keyOf(frame), value: text.slice(0, 200), origin: 'constant-inside' },
  });
}
