// How much memory a layer would ask for, from the numbers in its configuration. Only what is certain counts: unknown sizes are one.
import { classOf, configOf, type Frame, nameOf } from './config-frame.ts';
import { isJsonList, isJsonObject, type JsonObject, type JsonValue } from './json-types.ts';
import type { KerasReporter } from './keras-report.ts';

const bytesPerElement = 4;

/** A positive number, or the product of a list of them; 1 for anything else. */
function size(value: JsonValue | undefined): number {
  if (typeof value === 'number') return value > 1 ? value : 1;
  if (typeof value === 'string' && /^\d{1,30}$/.test(value)) return Number(value);
  if (!isJsonList(value)) return 1;
  let product = 1;
  for (const [index, one] of value.entries()) {
    if (index >= 64) break;
    product *= isJsonList(one)
      ? one.slice(0, 8).reduce((sum: number, part) => sum + (typeof part === 'number' ? part : 0), 1)
      : size(one);
  }
  return product;
}

/** The number of features that come in, where the file says so. */
function width(frame: Frame, config: JsonObject): number {
  const { value } = frame;
  const build = isJsonObject(value) && isJsonObject(value.build_config) ? value.build_config.input_shape : undefined;
  const shape = build ?? config.batch_input_shape ?? config.batch_shape ?? config.input_shape;
  if (isJsonList(shape) && !isJsonList(shape[0])) return size(shape.at(-1));
  const siblings = frame.parent?.value;
  if (!isJsonList(siblings) || typeof frame.key !== 'number' || frame.key === 0) return size(config.input_dim);
  const before = siblings[frame.key - 1];
  const previous = isJsonObject(before) ? configOf(before) : undefined;
  if (previous === undefined) return 1;
  const input = previous.batch_shape ?? previous.batch_input_shape;
  return size(previous.units ?? previous.filters ?? previous.output_dim ?? (isJsonList(input) ? input.at(-1) : undefined));
}

type Elements = (config: JsonObject, input: number) => number;

const units = (config: JsonObject) => size(config.units ?? config.output_dim);
const kernel: Elements = (config, input) => size(config.filters ?? config.nb_filter) * size(config.kernel_size) * input;
const recurrent =
  (gates: number): Elements =>
  (config, input) =>
    gates * units(config) * (units(config) + input);

/** Weights, in elements. */
const weights: ReadonlyMap<string, Elements> = new Map<string, Elements>([
  ['Dense', (config, input) => units(config) * input],
  ['MaxoutDense', (config, input) => units(config) * input],
  ['Embedding', (config) => size(config.input_dim) * size(config.output_dim)],
  ['ReversibleEmbedding', (config) => size(config.input_dim) * size(config.output_dim)],
  ['PositionEmbedding', (config) => size(config.sequence_length ?? config.max_length)],
  ['EinsumDense', (config) => size(config.output_shape)],
  ...['LSTM', 'LSTMCell', 'CuDNNLSTM'].map((name) => [name, recurrent(4)] as const),
  ...['GRU', 'GRUCell', 'CuDNNGRU'].map((name) => [name, recurrent(3)] as const),
  ...['SimpleRNN', 'SimpleRNNCell'].map((name) => [name, recurrent(1)] as const),
  ...['1D', '2D', '3D'].flatMap((rank) =>
    [`Conv${rank}`, `Conv${rank}Transpose`, `Convolution${rank}`, `ConvLSTM${rank}`].map((name) => [name, kernel] as const),
  ),
  ...['DepthwiseConv1D', 'DepthwiseConv2D'].map(
    (name) => [name, ((config, input) => size(config.kernel_size) * size(config.depth_multiplier) * input) as Elements] as const,
  ),
  ...['SeparableConv1D', 'SeparableConv2D'].map(
    (name) =>
      [
        name,
        ((config, input) =>
          size(config.depth_multiplier) * input * (size(config.kernel_size) + size(config.filters))) as Elements,
      ] as const,
  ),
  ...['MultiHeadAttention', 'GroupQueryAttention'].map(
    (name) =>
      [
        name,
        ((config) => size(config.num_heads ?? config.num_query_heads) * size(config.key_dim ?? config.head_dim)) as Elements,
      ] as const,
  ),
  ['STFTSpectrogram', (config) => size(config.fft_length) ** 2],
]);

/** Tensors that one example asks for, in elements. */
const tensors: ReadonlyMap<string, Elements> = new Map<string, Elements>([
  ['RepeatVector', (config, input) => size(config.n) * input],
  ['Reshape', (config) => size(config.target_shape)],
  ['Resizing', (config) => size(config.height) * size(config.width)],
  ['CenterCrop', (config) => size(config.height) * size(config.width)],
  ['RandomCrop', (config) => size(config.height) * size(config.width)],
  ['InputLayer', (config) => size(config.batch_shape ?? config.batch_input_shape)],
  ['CategoryEncoding', (config) => size(config.num_tokens ?? config.max_tokens)],
  ['HashedCrossing', (config) => (config.output_mode === 'one_hot' ? size(config.num_bins) : 1)],
  ['Hashing', (config) => (/hot|count/.test(String(config.output_mode)) ? size(config.num_bins) : 1)],
  ['TextVectorization', (config) => size(config.output_sequence_length)],
  ['Softmax', () => 1],
  ...['1D', '2D', '3D'].flatMap((rank) => [
    [`UpSampling${rank}`, ((config) => size(config.size ?? config.length)) as Elements] as const,
    [`ZeroPadding${rank}`, ((config) => size(config.padding)) as Elements] as const,
  ]),
]);

const readableUnits = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

export function readableBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < readableUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 10_000 ? value.toExponential(1) : Math.round(value * 10) / 10} ${readableUnits[unit]}`;
}

/** @param weightsBytes what the file has in weights: a layer that is really that large is no attack. */
export function judgeShape(frame: Frame, config: JsonObject, weightsBytes: number, reporter: KerasReporter): void {
  const name = classOf(frame.value)?.split('>').at(-1) ?? '';
  const { memoryBudgetBytes } = reporter.context.limits;
  const input = width(frame, config);
  const ofWeights = (weights.get(name)?.(config, input) ?? 0) * bytesPerElement;
  const build =
    isJsonObject(frame.value) && isJsonObject(frame.value.build_config) ? size(frame.value.build_config.input_shape) : 1;
  const ofTensors =
    Math.max(tensors.get(name)?.(config, input) ?? 0, build, name === 'InputLayer' ? 0 : size(config.batch_input_shape)) *
    bytesPerElement;
  const isWeights = ofWeights >= ofTensors;
  const bytes = isWeights ? ofWeights : ofTensors;
  if (bytes <= memoryBudgetBytes || (isWeights && bytes <= 2 * weightsBytes)) return;
  reporter.report(frame, {
    rule: 'memory/keras-shape',
    trigger: isWeights ? 'load-python' : 'inference',
    message: `${name} "${nameOf(frame.value) ?? ''}" asks for ${readableBytes(bytes)} ${isWeights ? 'of weights' : 'for one tensor'}: ${sizesOf(config)}`,
    argument: { name: 'config', value: sizesOf(config) },
  });
}

const sizeKeys =
  `units filters nb_filter kernel_size input_dim output_dim n target_shape height width batch_shape batch_input_shape num_tokens num_bins num_heads key_dim size
  padding depth_multiplier output_sequence_length output_shape fft_length`.split(/\s+/);

function sizesOf(config: JsonObject): string {
  const shown = sizeKeys.filter((key) => config[key] !== undefined && config[key] !== null);
  return shown.map((key) => `${key}=${JSON.stringify(config[key]).slice(0, 80)}`).join(', ');
}
