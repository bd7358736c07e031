// Reads names that become keys of maps. Text that is only shown or parsed, and names of nodes, which have an index of their own, may be longer.
import { AirlockError } from '../../core/index.ts';
import { graphLimits } from './graph-limits.ts';

/** @throws MODEL_INVALID for a name of more than 16,383 bytes. */
export function readName(bytes: Buffer, start: number, end: number): string {
  if (end - start > graphLimits.maxNameBytes) {
    throw new AirlockError('MODEL_INVALID', {
      message: `A name in the graph has ${end - start} bytes, more than ${graphLimits.maxNameBytes}`,
    });
  }
  return bytes.toString('utf8', start, end);
}
