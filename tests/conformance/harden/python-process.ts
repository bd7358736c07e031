// The one Python process of the tests with a real TensorFlow: it builds models, waits, and tries what was made of them.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../../support/server.ts';

const venv = join(root, '.airlock/tensorflow-venv');
const python = join(venv, 'bin/python3');
const requirements = join(root, 'tools/python/requirements-tensorflow.txt');

// The stamp is written when everything was installed.
export const hasTensorFlow =
  existsSync(python) &&
  existsSync(join(venv, '.requirements')) &&
  readFileSync(join(venv, '.requirements'), 'utf8') === readFileSync(requirements, 'utf8');

/** For the title of a test that cannot run without it. */
export const needsTensorFlow = hasTensorFlow ? '' : ' (skipped: no TensorFlow in .airlock/tensorflow-venv, run `npm test`)';

export type Message = Readonly<Record<string, unknown>> & { readonly kind: string };

/** A script that says lines of `@` and JSON; everything else that it prints is kept for the error. */
export class PythonProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #noise = '';

  constructor(script: string, args: readonly string[]) {
    this.#child = spawn(python, [join(import.meta.dirname, script), ...args], {
      env: { PATH: process.env.PATH, HOME: '/nonexistent', PYTHONDONTWRITEBYTECODE: '1' },
      stdio: 'pipe',
    });
    this.#child.stderr.on('data', (chunk) => {
      this.#noise = (this.#noise + String(chunk)).slice(-20_000);
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async next(): Promise<Message> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error(`Python ended: ${this.#noise}`);
      if (value.startsWith('@')) return JSON.parse(value.slice(1)) as Message;
      this.#noise = `${this.#noise}${value}\n`.slice(-20_000);
    }
  }

  say(message: object): void {
    this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }
}
