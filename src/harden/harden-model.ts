// The two jobs of `airlock harden` on folders: build a contract into a copy of a model, and take it out again. The original is never changed.
import { AirlockError } from '../core/index.ts';
import { readWholeModel, writeWholeModel } from '../model/index.ts';
import { type HardenOptions, type HardenReport, hardenGraphs, openEnds } from './harden-graph.ts';
import { copyModel, type ModelCopy } from './model-copy.ts';
import { stripModelGraphs } from './strip-graph.ts';

/** Open ends in one message. */
const maxListed = 10;

export interface HardenModelOptions extends HardenOptions {
  /** The folder of one SavedModel. */
  readonly model: string;
  /** The folder to make; must not be there. */
  readonly output: string;
  /** Makes no copy when a caller of it could do anything that the server would refuse. Default false. */
  readonly strict?: boolean;
}

export interface HardenModelResult extends HardenReport {
  readonly copy: ModelCopy;
  /** As `openEnds` gives them. */
  readonly open: readonly string[];
}

/**
 * Makes a copy of a model that checks the contract itself.
 * @throws CONTRACT_MISMATCH, MODEL_NOT_HARDENABLE as `hardenGraphs`, the latter also where `strict` finds something; MODEL_INVALID, MODEL_FORMAT_UNSUPPORTED as `readWholeModel`; USAGE,
 * STORE_NOT_WRITABLE, DISK_FULL as `copyModel`
 */
export async function hardenModel({ model, output, strict = false, ...options }: HardenModelOptions): Promise<HardenModelResult> {
  const { bytes, report } = hardenGraphs(await readWholeModel(model), options);
  const open = openEnds(report);
  if (strict && open.length > 0) {
    const more = open.length > maxListed ? `; and ${open.length - maxListed} more` : '';
    throw new AirlockError('MODEL_NOT_HARDENABLE', {
      message: `The hardened model would let things pass that the server refuses: ${open.slice(0, maxListed).join('; ')}${more}`,
    });
  }
  return { ...report, open, copy: await copyModel(model, output, bytes) };
}

/** Makes a copy of a hardened model without the checks. @throws MODEL_NOT_HARDENABLE when it is not hardened; otherwise as `hardenModel` */
export async function stripModel(model: string, output: string): Promise<ModelCopy> {
  const whole = await readWholeModel(model);
  if (!stripModelGraphs(whole))
    throw new AirlockError('MODEL_NOT_HARDENABLE', { message: 'No contract is built into this model' });
  return await copyModel(model, output, writeWholeModel(whole));
}
