// Where the passphrase of a key comes from: a file, a descriptor, the environment, or the terminal without an echo. Never from an argument:
// those are in the list of processes and in the shell's history.
import { createReadStream, openSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { AirlockError } from '../core/index.ts';
import { readBounded, readSecretFile } from '../signing/index.ts';
import type { Io } from './io.ts';

export interface PassphraseOptions {
  readonly passphraseFile?: string;
  readonly passphraseFd?: number;
}

/** OpenSSL cuts longer ones off in silence. */
const maxPassphraseBytes = 1024;

/**
 * The passphrase without the line feed at its end, at most 1,024 bytes.
 * @param question what to ask on the terminal; undefined to ask nothing
 * @returns undefined when none was given and nobody can be asked
 * @throws KEY_INVALID when its file cannot be used, or it is empty or too long; CANCELLED after Ctrl-C
 */
export async function readPassphrase(
  { passphraseFile, passphraseFd }: PassphraseOptions,
  io: Io,
  question: string | undefined,
): Promise<Buffer | undefined> {
  if (passphraseFile !== undefined) return checked(firstLine(await readSecretFile(passphraseFile, 'passphrase')));
  if (passphraseFd !== undefined) {
    const stream = createReadStream('', { fd: passphraseFd, autoClose: false });
    return checked(firstLine(await readBounded(stream, 'passphrase', `descriptor ${passphraseFd}`).catch(unreadable)));
  }
  const fromEnvironment = io.env.AIRLOCK_PASSPHRASE;
  if (fromEnvironment !== undefined) return checked(Buffer.from(fromEnvironment));
  if (question === undefined || !io.isTerminal) return undefined;
  return checked(await ask(question, io));
}

/** The same for a new key: on a terminal it is asked twice. @throws also KEY_INVALID when the two differ */
export async function readNewPassphrase(options: PassphraseOptions, io: Io): Promise<Buffer | undefined> {
  const given = await readPassphrase(options, io, undefined);
  if (given !== undefined || !io.isTerminal) return given;
  const [first, second] = [await ask('New passphrase', io), await ask('Once more', io)];
  if (!first.equals(second)) throw new AirlockError('KEY_INVALID', { message: 'The two passphrases differ' });
  return checked(first);
}

function unreadable(cause: unknown): never {
  throw new AirlockError('KEY_INVALID', { message: 'The passphrase cannot be read from its descriptor', cause });
}

function firstLine(bytes: Buffer): Buffer {
  const end = bytes.indexOf('\n');
  const line = end === -1 ? bytes : bytes.subarray(0, end);
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

function checked(passphrase: Buffer): Buffer {
  if (passphrase.length > 0 && passphrase.length <= maxPassphraseBytes) return passphrase;
  throw new AirlockError('KEY_INVALID', { message: `A passphrase has 1 to ${maxPassphraseBytes} bytes` });
}

/** Reads one line from the terminal of this process, whatever standard input is, and shows nothing of it. */
function ask(question: string, io: Io): Promise<Buffer> {
  const terminal = new ReadStream(openSync('/dev/tty', 'r'));
  // Raw, because then nothing is echoed; so the keys that edit a line are ours to handle.
  terminal.setRawMode(true);
  io.stderr.write(`${question}: `);
  return new Promise<Buffer>((resolve, reject) => {
    let typed = '';
    const finish = (settle: () => void) => {
      terminal.setRawMode(false);
      terminal.destroy();
      io.stderr.write('\n');
      settle();
    };
    terminal.setEncoding('utf8');
    terminal.on('data', (text: string) => {
      for (const character of text) {
        if (character === '\r' || character === '\n') return finish(() => resolve(Buffer.from(typed)));
        if (character === '\u0003' || character === '\u0004') return finish(() => reject(new AirlockError('CANCELLED')));
        if (character === '\u007f' || character === '\b') typed = [...typed].slice(0, -1).join('');
        else if (typed.length <= maxPassphraseBytes) typed += character;
      }
    });
    terminal.once('error', (cause) => finish(() => reject(cause)));
  });
}
