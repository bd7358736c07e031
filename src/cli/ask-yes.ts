// Asks a person on the terminal for a yes. Anything but a y is a no, and where nobody can be asked it is a no too.
import { createInterface } from 'node:readline';
import type { Io } from './io.ts';

/** True for `y` or `yes`. False without a terminal, at the end of the input and after Ctrl-C. */
export async function askYes(question: string, io: Io): Promise<boolean> {
  if (!io.isTerminal || process.stdin.isTTY !== true) return false;
  const lines = createInterface({ input: process.stdin, output: io.stderr });
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.once('close', () => resolve(''));
      lines.question(`${question} [y/N] `, resolve);
    });
    return /^y(?:es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
