// An HDF5 file: model or weights of Keras, or anything else in that format. Configurations stand in attributes of the root; attributes of
// everything else are looked through as well, because old Keras puts them where its users tell it to.
import { AirlockError } from '../../core/index.ts';
import { type Hdf5Attribute, type Hdf5File, type Hdf5Object, judgeHdf5, readHdf5 } from '../hdf5/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { classOf } from './config-frame.ts';
import { judgeKerasText } from './judge-text.ts';
import { KerasReporter } from './keras-report.ts';
import { type KerasWeight, kerasWeights } from './weight-tensors.ts';

export interface ScanHdf5Options {
  /** Judges weights; called once, with tensors that are read as it asks for them. */
  readonly weights?: (tensors: Iterable<KerasWeight>) => Promise<void> | void;
}

/** Attributes that Keras parses as JSON. */
const configAttributes: ReadonlySet<string> = new Set([
  'model_config',
  'training_config',
  'layer_config',
  'optimizer_config',
  'metadata',
]);
const maxTextBytes = 256 * 1024 ** 2;

function looksLikeConfig(text: Buffer): boolean {
  const head = text.toString('latin1', 0, 4096);
  return (
    /^[\s\ufeff\xef\xbb\xbf]{0,8}[{[]/.test(head) &&
    (head.includes('class_name') || head.includes('module') || head.includes('__lambda__'))
  );
}

/** Texts of an attribute, joined where Keras splits long ones (`layer_names0`, `layer_names1`). */
function attributeText(file: Hdf5File, { type, shape, data }: Hdf5Attribute): Buffer | undefined {
  const texts = file.text(type, shape, data, maxTextBytes);
  if (texts !== undefined) return texts.length === 1 ? texts[0] : texts.length === 0 ? undefined : Buffer.concat([...texts]);
  return type.class === 'opaque' || type.class === 'array' || (type.class === 'integer' && type.sizeBytes === 1)
    ? data
    : undefined;
}

function judgeAttribute(
  file: Hdf5File,
  object: Hdf5Object,
  attribute: Hdf5Attribute,
  weightsBytes: number,
  context: ScanContext,
): string | undefined {
  const isConfig = configAttributes.has(attribute.name);
  const text = attributeText(file, attribute);
  if (text === undefined || text.length < 2) return undefined;
  if (!(isConfig && /^[\s]{0,8}[{["N]/.test(text.toString('latin1', 0, 16))) && !looksLikeConfig(text)) return undefined;
  const pointer = `${object.path}@${attribute.name}`;
  const judged = judgeKerasText(text, { file: file.name, pointer }, context, { weightsBytes, root: `loading ${file.name}` });
  return attribute.name === 'model_config' ? (classOf(judged?.value) ?? 'unknown') : undefined;
}

/** Texts in datasets, where models of other writers keep configurations. */
function judgeTexts(file: Hdf5File, { path, dataset }: Hdf5Object, weightsBytes: number, context: ScanContext): void {
  if (dataset === undefined || (dataset.type.class !== 'string' && !dataset.type.isText)) return;
  const data = file.bytes(dataset, maxTextBytes);
  const texts = data === undefined ? [] : (file.text(dataset.type, dataset.shape, data, maxTextBytes) ?? []);
  for (const text of texts.slice(0, 100)) {
    if (!looksLikeConfig(text)) continue;
    judgeKerasText(text, { file: file.name, pointer: path }, context, { weightsBytes, root: `loading ${file.name}` });
  }
}

function judgeGroupNames(file: Hdf5File, context: ScanContext): void {
  const reporter = new KerasReporter(context, { file: file.name, pointer: '' });
  for (const { path } of file.objects) {
    if (!path.split('/').includes('..')) continue;
    reporter.use(undefined, 'layer name containing ".."');
    reporter.report(undefined, {
      rule: 'path-traversal/keras-name',
      message: `Group ${path} has a name that leads out of the folder that Keras makes for it`,
      argument: { name: 'name', value: path },
    });
    return;
  }
}

/** Scans one HDF5 file. @throws MODEL_INVALID, MODEL_INCOMPLETE when nothing of it can be read (also reported as `malformed/hdf5`). */
export async function scanHdf5(source: Source, context: ScanContext, options: ScanHdf5Options = {}): Promise<void> {
  let file: Hdf5File;
  try {
    file = readHdf5(source, { maxParts: context.limits.maxFiles * 10 });
  } catch (thrown) {
    const error = AirlockError.from(thrown);
    if (error.code === 'INTERNAL') throw thrown;
    context.report({
      ruleId: 'malformed/hdf5',
      severity: 'medium',
      trigger: 'load-python',
      message: `${source.name} cannot be read as HDF5: ${error.message}`,
      location: { file: source.name },
      chain: [],
    });
    throw thrown;
  }
  judgeHdf5(file, context);
  judgeGroupNames(file, context);
  let model: string | undefined;
  const guard = (judge: () => void) => {
    try {
      judge();
    } catch (thrown) {
      const error = AirlockError.from(thrown);
      if (error.code === 'INTERNAL') throw thrown;
      context.unreadable(source.name, error.message);
    }
  };
  for (const object of file.objects) {
    guard(() => judgeTexts(file, object, source.sizeBytes, context));
    for (const attribute of object.attributes) {
      guard(() => {
        model = judgeAttribute(file, object, attribute, source.sizeBytes, context) ?? model;
      });
    }
  }
  const datasets = file.objects.filter(({ kind }) => kind === 'dataset').length;
  context.artifact({
    file: source.name,
    format: 'hdf5',
    bytes: source.sizeBytes,
    facts: { objects: file.objects.length, datasets, ...(model === undefined ? {} : { model }) },
  });
  await options.weights?.(kerasWeights(file, context));
}
