// Judges what lies in the weights of any format. Everything here is a guess (`heuristic`), so it is tuned to be silent on what
// training makes: a finding of medium or above needs what no training writes.
import { isAirlockError, type Severity } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { elementKind } from './element-kinds.ts';
import { addStats, type ElementKind, emptyStats, type Piece, type PieceStats } from './piece-types.ts';
import { type PieceJob, type SearchPiecesOptions, searchPieces } from './search-pieces.ts';

export interface WeightTensor {
  readonly name: string;
  /** Number of TensorFlow's DataType, or a name: `float32`, `DT_HALF`, `uint8`. */
  readonly dtype: number | string;
  readonly shape: readonly number[];
  /** Where its bytes lie, uncompressed and little-endian. */
  readonly source: Source;
  /** In `source`. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** As `Location.file` has it. */
  readonly file: string;
  /** True when nothing of the model reads it. */
  readonly isUnused?: boolean;
}

const MiB = 1024 ** 2;
const pieceBytes = 16 * MiB;
/** Searched at every byte; the rest where elements begin. */
const thoroughBytes = 32 * MiB;
/** Whose low bits are searched, of all tensors together; each has the same share. */
const lowBitsBytes = MiB;
const minLowBitsBytes = 4096;

/** State of optimizers and metrics, which no answer passes, and of tables, most of which is empty. */
const stateName =
  /(?:^|\/)_?(?:optimizer|optimizer_weights|metrics|keras_api|compile_metrics)(?:\/|$)|\.OPTIMIZER_SLOT|\.ATTRIBUTES\/table-|\/(?:Adam|Momentum|RMSProp|Adagrad|Adadelta|Ftrl)(?:_\d+)?$/i;

interface Plan {
  readonly tensor: WeightTensor;
  readonly kind: ElementKind;
  readonly stats: PieceStats;
  isUnreadable: boolean;
}

/** Tensors of a file may share bytes, as those of TensorFlow Lite do; ten thousand that share all of them would take all day. */
const sharedBytes = 64 * MiB;

class Allowance {
  readonly #planned = new Map<Source, number>();

  takes({ source, sizeBytes }: WeightTensor): boolean {
    const planned = (this.#planned.get(source) ?? 0) + sizeBytes;
    if (planned > 2 * source.sizeBytes + sharedBytes) return false;
    this.#planned.set(source, planned);
    return true;
  }
}

function planPieces(
  tensors: readonly WeightTensor[],
  leaveOut: (tensor: WeightTensor) => void,
): { plans: Plan[]; jobs: PieceJob[]; planOf: Plan[] } {
  const plans: Plan[] = [];
  const jobs: PieceJob[] = [];
  const planOf: Plan[] = [];
  const share = Math.max(0, Math.floor(lowBitsBytes / Math.max(tensors.length, 1)));
  let thorough = thoroughBytes;
  let lowBitsLeft = lowBitsBytes;
  const allowance = new Allowance();
  for (const tensor of tensors) {
    if (!allowance.takes(tensor)) {
      leaveOut(tensor);
      continue;
    }
    const kind = elementKind(tensor.dtype);
    const plan: Plan = { tensor, kind, stats: emptyStats(), isUnreadable: false };
    plans.push(plan);
    const end = tensor.offset + tensor.sizeBytes;
    for (let offset = tensor.offset; offset < end; offset += pieceBytes) {
      const sizeBytes = Math.min(pieceBytes, end - offset);
      const isThorough = thorough > 0;
      thorough -= sizeBytes;
      const hasLowBits = offset === tensor.offset && kind === 'float32' && lowBitsLeft > 0;
      const lowBits = hasLowBits ? Math.min(MiB / 4, Math.max(share, minLowBitsBytes), sizeBytes) : 0;
      lowBitsLeft -= lowBits;
      const piece: Piece = { offset, sizeBytes, endOfTensor: end, kind, isThorough, lowBitsBytes: lowBits };
      jobs.push({ source: tensor.source, piece });
      planOf.push(plan);
    }
  }
  return { plans, jobs, planOf };
}

/** Bits per byte of a sample. */
function entropy(histogram: Uint32Array): { readonly bits: number; readonly samples: number } {
  const samples = histogram.reduce((sum, count) => sum + count, 0);
  let bits = 0;
  for (const count of histogram) if (count > 0) bits -= (count / samples) * Math.log2(count / samples);
  return { bits, samples };
}

type Say = (ruleId: string, severity: Severity, message: string, offset?: number) => void;

function isForeign({ payload, text }: PieceStats): boolean {
  return (payload !== undefined && payload.severity !== 'low') || text !== undefined;
}

function judgePayloads({ tensor, kind, stats }: Plan, say: Say): void {
  const { payload, lowBits, text } = stats;
  const where = `tensor "${tensor.name}" of ${tensor.file}`;
  if (payload !== undefined) {
    // Strings may hold archives and pickles of data on purpose, a program hardly.
    const severity = kind === 'strings' && payload.severity === 'medium' ? 'low' : payload.severity;
    say('payload/in-weights', severity, `The bytes of ${where} hold ${payload.what}`, payload.offset);
  }
  // Bytes that are no numbers at all have low bits too.
  if (lowBits !== undefined && !isForeign(stats))
    say('payload/in-low-bits', 'medium', `The low bits of ${where} hold ${lowBits.what}`, lowBits.offset);
  if (text !== undefined && payload === undefined) {
    const severity = kind === 'bytes' ? 'low' : 'medium';
    say('payload/text-in-weights', severity, `${text.sizeBytes} bytes of ${where} are text: "${text.sample}"`, text.offset);
  }
}

function judgeNumbers({ tensor, stats }: Plan, say: Say): void {
  const where = `tensor "${tensor.name}" of ${tensor.file}`;
  const isState = stateName.test(tensor.name);
  const infinite = stats.positiveInfinite + stats.negativeInfinite;
  if (stats.notANumber > 0) {
    const effect = isState ? '' : ': answers that pass it are NaN';
    say(
      'weights/not-a-number',
      isState ? 'low' : 'medium',
      `${stats.notANumber} of ${stats.elements} values of ${where} are NaN${effect}`,
    );
  }
  if (infinite > 0) {
    say(
      'weights/infinite',
      stats.positiveInfinite > 0 ? 'low' : 'info',
      `${infinite} of ${stats.elements} values of ${where} are infinite`,
    );
  }
  const rms = Math.sqrt(stats.sumOfSquares / Math.max(stats.sampled, 1));
  const isFar = stats.sampled >= 64 && rms > 0 && stats.largest > 1e6 * rms;
  // Masks of attention are -1e9 or the lowest float; neither is an outlier among weights when all of the tensor is so.
  if (!isState && !isForeign(stats) && isFar && stats.largest > 1e3) {
    const message = `${where[0].toUpperCase()}${where.slice(1)} has a value of ${stats.largest.toPrecision(3)}, its usual magnitude is ${rms.toPrecision(3)}`;
    // Nothing that was trained gets there; one such value decides every answer.
    say('weights/outlier', stats.largest >= 1e30 ? 'medium' : 'low', message);
  }
}

function judgeWhole({ tensor, kind, stats }: Plan, say: Say): void {
  const where = `tensor "${tensor.name}" of ${tensor.file}`;
  if (stats.constant !== undefined && !/^0+$/.test(stats.constant) && tensor.sizeBytes >= MiB && !stateName.test(tensor.name)) {
    say('weights/constant', 'info', `All ${tensor.sizeBytes} bytes of ${where} repeat one value`);
  }
  if (tensor.isUnused === true && tensor.sizeBytes >= MiB) {
    say('weights/unused', 'low', `Nothing in the model reads ${where}, ${tensor.sizeBytes} bytes`);
  }
  const { bits, samples } = entropy(stats.histogram);
  const limit =
    kind === 'strings' && samples >= 2000 ? 7.7 : kind === 'bytes' && samples >= 65_536 ? 7.99 : Number.POSITIVE_INFINITY;
  if (bits > limit && stats.payload === undefined) {
    say('weights/high-entropy', 'low', `The bytes of ${where} are as even as encrypted data (${bits.toFixed(2)} bits per byte)`);
  }
}

function judge(plan: Plan, context: ScanContext): void {
  const { tensor } = plan;
  const say: Say = (ruleId, severity, message, offset) =>
    context.report({
      ruleId,
      severity,
      trigger: 'none',
      message,
      location: { file: tensor.file, path: tensor.name, ...(offset === undefined ? {} : { offset }) },
      chain: [],
    });
  judgePayloads(plan, say);
  judgeNumbers(plan, say);
  judgeWhole(plan, say);
}

/**
 * Judges the values of tensors of any format. What cannot be read is said to be unreadable. Threads look at files that have a
 * path, where there is enough to do.
 */
export async function judgeWeights(
  tensors: Iterable<WeightTensor>,
  context: ScanContext,
  options: SearchPiecesOptions = {},
): Promise<void> {
  const leftOut = new Set<string>();
  const { plans, jobs, planOf } = planPieces([...tensors], ({ file }) => {
    if (!leftOut.has(file)) context.unreadable(file, 'too many of its tensors share their bytes: not all were looked at');
    leftOut.add(file);
  });
  await searchPieces(
    jobs,
    (index, stats) => {
      const plan = planOf[index];
      try {
        addStats(plan.stats, stats());
      } catch (thrown) {
        if (!isAirlockError(thrown)) throw thrown;
        if (!plan.isUnreadable)
          context.unreadable(plan.tensor.file, `tensor "${plan.tensor.name}" cannot be read: ${thrown.message}`);
        plan.isUnreadable = true;
      }
      context.progress(jobs[index].piece.sizeBytes);
    },
    options,
  );
  for (const plan of plans) judge(plan, context);
}
