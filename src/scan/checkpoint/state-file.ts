// The file `checkpoint`: text that names the latest checkpoint (checkpoint_state.proto), read by tf.train.latest_checkpoint and
// everything that resumes. A relative name is looked up beside the file, an absolute one anywhere. It says where the name leads;
// it never follows it.
import { isAirlockError, type Severity } from '../../core/index.ts';
import { TextTokens } from '../../model/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { Speaker } from './say.ts';

/** Ten thousand checkpoints of a hundred bytes. */
const maxStateBytes = 4 * 1024 ** 2;
const scheme = /^[A-Za-z][A-Za-z0-9+.-]{1,15}:/;
const anyPlace = /^(?:[/\\~]|[A-Za-z]:[/\\])/;
/** Where no training writes: the system's own files and those of other users' programs. */
const systemPlace = /^(?:\/(?:etc|proc|sys|dev|root|boot|bin|sbin|lib|lib64|usr|var\/(?:lib|run|spool))(?:\/|$)|~|\\\\)/;
/** Where people train: homes, disks for data, notebooks. Not /tmp, where any user of a machine may put a checkpoint. */
const trainingPlace =
  /^(?:[A-Za-z]:[/\\]Users[/\\]|\/(?:home|Users|data\d*|mnt|media|content|workspace|scratch|kaggle|gpfs|lustre|nfs|opt\/ml)\/)/;

export interface CheckpointState {
  /** Values of model_checkpoint_path in order; more than one is one too many. */
  readonly latest: readonly string[];
  readonly all: readonly string[];
}

const colon = 0x3a;
const separators = [0x2c, 0x3b] as const;

/** @throws MODEL_INVALID when it is not the text of a CheckpointState. */
export function parseCheckpointState(bytes: Buffer, name: string): CheckpointState {
  const tokens = new TextTokens(name, bytes);
  const latest: string[] = [];
  const all: string[] = [];
  const value = (field: string): void => {
    const target = field === 'model_checkpoint_path' ? latest : field === 'all_model_checkpoint_paths' ? all : undefined;
    if (target === undefined) {
      if (tokens.isString()) tokens.skipString();
      else tokens.scalar();
    } else if (tokens.isString()) target.push(tokens.string().toString('utf8'));
    else throw tokens.error('expected a string');
  };
  while (tokens.peek() !== -1) {
    const field = tokens.fieldName();
    if (!tokens.take(colon)) throw tokens.error('expected ":"');
    if (tokens.take(0x5b)) {
      for (let isFirst = true; !tokens.take(0x5d); isFirst = false) {
        if (!isFirst && !tokens.take(separators[0])) throw tokens.error('expected "," or "]"');
        value(field);
      }
    } else value(field);
    if (!tokens.take(separators[0])) tokens.take(separators[1]);
  }
  return { latest, all };
}

export interface StateSurroundings {
  /** Prefixes of the checkpoints in the same folder, without the folder: `model.ckpt-1`. */
  readonly prefixes: ReadonlySet<string>;
  /** Name of the folder that holds the file, without what is above it; undefined when it is not known. */
  readonly folderName: string | undefined;
}

const folderOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')));

/** What a name in the state file leads to, when that is anything but a checkpoint beside it. */
function judgeName(
  name: string,
  field: string,
  around: StateSurroundings,
  latest: string | undefined,
): { ruleId: string; severity: Severity; message: string } | undefined {
  const says = `The checkpoint state file says ${field} "${name}"`;
  if (name.includes('\0'))
    return { ruleId: 'path-traversal/checkpoint-state', severity: 'high', message: `${says}, with a zero byte in it` };
  if (scheme.test(name) && !/^[A-Za-z]:[/\\]/.test(name)) {
    const isFile = /^file:/i.test(name);
    if (!isFile)
      return { ruleId: 'network/checkpoint-state', severity: 'high', message: `${says}: the variables are fetched from there` };
    return {
      ruleId: 'path-traversal/checkpoint-state',
      severity: 'high',
      message: `${says}: variables are restored from outside the folder`,
    };
  }
  const parts = name.split(/[/\\]/);
  if (parts.includes('..')) {
    return {
      ruleId: 'path-traversal/checkpoint-state',
      severity: 'high',
      message: `${says}: it leads out of the folder with ".."`,
    };
  }
  if (!anyPlace.test(name)) return undefined;
  // TensorFlow 1's Saver writes the absolute path that it was given, so the path of the folder where the model was trained is
  // ordinary, and older checkpoints of the same training, which were not copied, are too. It is taken for that when the checkpoint is here and
  // the folder still has the same name, or was one where people train.
  const last = parts.at(-1) ?? '';
  const isHere = (path: string) => around.prefixes.has(path.split(/[/\\]/).at(-1) ?? '');
  const isBeside = latest !== undefined && isHere(latest) && folderOf(latest) === folderOf(name);
  const isPlace = (around.folderName !== undefined && parts.at(-2) === around.folderName) || trainingPlace.test(name);
  const isOwn = isPlace && (isHere(name) || isBeside);
  if (isOwn && !systemPlace.test(name)) {
    return {
      ruleId: 'path-traversal/checkpoint-state',
      severity: 'low',
      message: `${says}, an absolute path: it is not the checkpoint beside it`,
    };
  }
  const severity = systemPlace.test(name) || !around.prefixes.has(last) ? 'high' : 'medium';
  const message = `${says}, an absolute path: variables are restored from there and not from what was shipped`;
  return { ruleId: 'path-traversal/checkpoint-state', severity, message };
}

/** Scans a file `checkpoint`. What is not its format is said to be unreadable. */
export function scanCheckpointState(source: Source, context: ScanContext, around: StateSurroundings): void {
  const speaker = new Speaker(context, source.name);
  try {
    if (source.sizeBytes > maxStateBytes) {
      context.unreadable(source.name, 'it is too large for the state file of checkpoints');
      return;
    }
    const { latest, all } = parseCheckpointState(source.read(0, source.sizeBytes), source.name);
    context.artifact({ file: source.name, format: 'checkpoint-state', bytes: source.sizeBytes, facts: { paths: all.length } });
    if (latest.length > 1) {
      const message = `The checkpoint state file has ${latest.length} values of model_checkpoint_path: "${latest[0]}" and "${latest.at(-1)}"`;
      speaker.say({ ruleId: 'parser-differential/checkpoint-state', trigger: 'load-python', message });
    }
    const judge = (name: string, field: string): boolean => {
      const judged = judgeName(name, field, around, latest.at(-1));
      if (judged !== undefined) speaker.say({ ...judged, trigger: 'load-python', argument: { name: field, value: name } });
      return judged !== undefined;
    };
    for (const name of latest) {
      if (judge(name, 'model_checkpoint_path') || around.prefixes.has(name.replace(/^\.\//, ''))) continue;
      const message = `The checkpoint state file says model_checkpoint_path "${name}", and there is no such checkpoint beside it`;
      speaker.say({ ruleId: 'malformed/checkpoint-state', trigger: 'load-python', message });
    }
    for (const name of new Set(all)) if (!latest.includes(name)) judge(name, 'all_model_checkpoint_paths');
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    context.unreadable(source.name, thrown.message);
  } finally {
    speaker.finish();
  }
}
