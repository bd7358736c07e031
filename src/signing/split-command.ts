// Turns what a person wrote for a command into a program and its arguments, without a shell. Must never guess: whatever a shell would treat
// as special is refused, so that no command runs that means something else here than it would there.
import { AirlockError } from '../core/index.ts';

/** Space and tab separate words; of the rest only characters that no shell changes. */
const plainWords = /^[A-Za-z0-9 \t._/:@%+=,-]+$/;

/**
 * Plain words, or a JSON array of strings for everything else: `["sh", "-c", "…"]`.
 * @throws USAGE
 */
export function splitCommand(text: string): string[] {
  const words = text.trimStart().startsWith('[') ? fromJson(text) : fromWords(text);
  if (words.length === 0 || words[0] === '' || words.some((word) => word.includes('\0')))
    throw new AirlockError('USAGE', { message: 'The command of --signer is empty, or holds a NUL character' });
  return words;
}

function fromWords(text: string): string[] {
  if (!plainWords.test(text)) {
    throw new AirlockError('USAGE', {
      message: 'No shell runs the command of --signer: write it in plain words, or as a JSON array like ["sign", "--key", "a b"]',
    });
  }
  return text.split(/[ \t]/).filter((word) => word !== '');
}

function fromJson(text: string): string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  if (Array.isArray(parsed) && parsed.every((word) => typeof word === 'string')) return parsed;
  throw new AirlockError('USAGE', { message: 'The command of --signer begins with [ and is no JSON array of strings' });
}
