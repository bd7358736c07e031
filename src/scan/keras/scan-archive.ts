// A `.keras` archive: config.json says what is built, metadata.json who wrote it, model.weights.h5 holds the weights, and assets belong to
// layers. Its version is the attacker's to choose, so nothing depends on it. Members that Keras does not know are scanned as what they are.
import { AirlockError, printable } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import type { ArchiveMember } from '../source/index.ts';
import { isJsonObject } from './json-types.ts';
import { judgeKerasText } from './judge-text.ts';
import { KerasReporter } from './keras-report.ts';
import { type ScanHdf5Options, scanHdf5 } from './scan-hdf5.ts';

export interface ScanKerasOptions extends ScanHdf5Options {
  /** Default true: members other than configuration and weights are handed to `context.scanSource`. */
  readonly isWhole?: boolean;
}

/** As readZip gives them; anything with these will do. */
export type KerasMember = Pick<ArchiveMember, 'name' | 'kind' | 'sizeBytes' | 'source' | 'unreadable'>;

const maxConfigBytes = 256 * 1024 ** 2;

/** The name without the number of a duplicate: `config.json (2)`. */
const plainName = (name: string) => name.replace(/ \(\d+\)$/, '');

async function safely(file: string, context: ScanContext, read: () => Promise<void> | void): Promise<void> {
  try {
    await read();
  } catch (thrown) {
    const error = AirlockError.from(thrown);
    if (error.code === 'INTERNAL') throw thrown;
    context.unreadable(file, error.message);
  }
}

/** Scans an archive whose members were listed (and whose zip was judged) before. */
export async function scanKerasArchive(
  source: Source,
  members: readonly KerasMember[],
  context: ScanContext,
  options: ScanKerasOptions = {},
): Promise<void> {
  const reporter = new KerasReporter(context, { file: source.name, pointer: '' });
  const files = members.filter(({ kind }) => kind === 'file');
  const isConfig = (name: string) => plainName(name).toLowerCase() === 'config.json';
  const isMetadata = (name: string) => plainName(name).toLowerCase() === 'metadata.json';
  const isWeights = (name: string) =>
    /^model[^/]{0,40}\.weights\.h5$|^model_weights\.h5$|^variables\.h5$/.test(plainName(name)) ||
    /\.weights\.h5$/.test(plainName(name));
  const isIndex = (name: string) => plainName(name) === 'model.weights.json';
  const weights = files.filter(({ name }) => isWeights(name));
  const arrays = files.filter(({ name }) => /\.weights\.npz$/.test(plainName(name)));
  const weightsBytes = [...weights, ...arrays].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const configs = files.filter(({ name }) => isConfig(name));

  let layers = 0;
  let version = '';
  for (const member of files) {
    const { name } = member;
    const file = `${source.name}!/${name}`;
    if (!isConfig(name) && !isMetadata(name) && !isIndex(name)) continue;
    await safely(file, context, () => {
      if (member.sizeBytes > maxConfigBytes)
        throw new AirlockError('MODEL_INVALID', { message: `${printable(file, 200)} is too large` });
      const opened = member.source();
      const judged = judgeKerasText(opened.read(0, opened.sizeBytes), { file, pointer: '' }, context, {
        weightsBytes,
        root: `loading ${source.name}`,
      });
      if (isConfig(name)) layers += judged?.layers ?? 0;
      else if (isMetadata(name) && isJsonObject(judged?.value) && typeof judged.value.keras_version === 'string')
        version = judged.value.keras_version;
    });
  }
  const exact = configs.filter(({ name }) => name === 'config.json');
  if (exact.length === 0) {
    const other = configs[0]?.name;
    reporter.report(undefined, {
      rule: 'malformed/keras-archive',
      message: `${source.name} has no config.json${other === undefined ? '' : ` but ${other}`}: Keras cannot build a model from it`,
    });
    context.unreadable(source.name, 'the archive has no config.json');
  }
  if (configs.length > 1) {
    reporter.report(undefined, {
      rule: 'parser-differential/keras-members',
      message: `${source.name} has ${configs.length} configurations (${configs.map(({ name }) => name).join(', ')}): readers differ in which one they build`,
    });
  }
  const stores = [...weights, ...arrays].filter(({ name }) => /^model\.weights\.(?:h5|npz)$/.test(plainName(name)));
  if (stores.length > 1) {
    reporter.report(undefined, {
      rule: 'parser-differential/keras-members',
      message: `${source.name} has its weights twice: ${stores.map(({ name }) => name).join(' and ')}`,
    });
  } else if (weights.length + arrays.length === 0 && !files.some(({ name }) => isIndex(name))) {
    reporter.report(undefined, {
      rule: 'malformed/keras-archive',
      message: `${source.name} has no model.weights.h5: Keras cannot load it`,
    });
  }

  context.artifact({
    file: source.name,
    format: 'keras-archive',
    bytes: source.sizeBytes,
    facts: { members: files.length, layers, ...(version === '' ? {} : { kerasVersion: printable(version, 32) }) },
  });
  for (const member of weights)
    await safely(`${source.name}!/${member.name}`, context, () => scanHdf5(member.source(), context, options));
  if (options.isWhole === false) return;
  for (const member of files) {
    if (isConfig(member.name) || isMetadata(member.name) || isIndex(member.name) || weights.includes(member)) continue;
    await safely(`${source.name}!/${member.name}`, context, () => context.scanSource(member.source()));
  }
}
