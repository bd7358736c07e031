// Takes PEM text apart into labelled blocks of DER. One pass over lines and no pattern that can backtrack; it must never guess:
// whatever stands in a block and is not base64 refuses the whole file.
import { AirlockError } from '../../core/index.ts';

export interface PemBlock {
  /** What stands after BEGIN: `CERTIFICATE`. */
  readonly label: string;
  readonly der: Buffer;
}

const begin = '-----BEGIN ';
const end = '-----END ';
const dashes = '-----';
const maxBlocks = 256;

/**
 * Every block of `text`, in order; text between blocks is ignored, as other tools write names there. Empty when there is no
 * block. KEY_INVALID when a block does not end, is not base64, or has headers (encrypted keys of old), and for more than 256
 * blocks.
 */
export function readPem(text: Buffer): PemBlock[] {
  const blocks: PemBlock[] = [];
  let label: string | undefined;
  let lines: string[] = [];
  for (const line of text.toString('latin1').split('\n').map(trimmed)) {
    if (label === undefined) {
      if (line.startsWith(begin) && line.endsWith(dashes)) {
        label = line.slice(begin.length, -dashes.length);
        lines = [];
      }
    } else if (line.startsWith(end)) {
      if (line !== `${end}${label}${dashes}` || blocks.length === maxBlocks) {
        throw pemError(blocks.length === maxBlocks ? `it has more than ${maxBlocks} blocks` : 'a block ends under another name');
      }
      blocks.push({ label, der: decode(lines.join('')) });
      label = undefined;
    } else {
      lines.push(line);
    }
  }
  if (label !== undefined) {
    throw pemError('a block does not end');
  }
  return blocks;
}

function trimmed(line: string): string {
  return line.trim();
}

function decode(text: string): Buffer {
  const der = Buffer.from(text, 'base64');
  // Node's decoder skips what is not base64, so only text that comes out again is what was meant.
  if (der.length === 0 || der.toString('base64') !== text) {
    throw pemError('a block is not base64');
  }
  return der;
}

function pemError(what: string): AirlockError {
  return new AirlockError('KEY_INVALID', { message: `The PEM text is not well formed: ${what}` });
}
