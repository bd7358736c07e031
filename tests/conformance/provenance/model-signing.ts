// The real Python tool, model-signing 1.1.1, in one process per test file. Nothing here knows our own code: it is what that is compared with.
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

// Not from tests/support/server.ts, which would load the whole gateway.
export const root = join(import.meta.dirname, '../../..');

const venv = join(root, '.airlock/signing-venv');
const python = join(venv, 'bin/python3');
const requirements = join(root, 'tools/python/requirements-signing.txt');
const environment = { PATH: process.env.PATH, HOME: '/nonexistent', PYTHONDONTWRITEBYTECODE: '1' };

// The stamp is written when everything was installed.
export const hasModelSigning =
  existsSync(python) &&
  existsSync(join(venv, '.requirements')) &&
  readFileSync(join(venv, '.requirements'), 'utf8') === readFileSync(requirements, 'utf8');

/** For the title of a test that cannot run without it. */
export const needsModelSigning = hasModelSigning ? '' : ' (skipped: no model-signing in .airlock/signing-venv, run `npm test`)';

/** What the tool said. */
export interface Told {
  readonly accepted: boolean;
  readonly text: string;
}

/** How to verify: the options of its command line. */
export type PythonTrust =
  | { readonly publicKey: string }
  | { readonly roots: readonly string[] }
  | { readonly trustConfig: string; readonly identity: string; readonly issuer: string };

/** How to sign: the options of its command line. */
export interface PythonSigner {
  readonly key: string;
  readonly certificate?: string;
  /** At least one where there is a certificate: without, version 1.1.1 fails (MalformedFraming). */
  readonly chain?: readonly string[];
}

export interface ChainOptions {
  /** When the leaf is valid, in days from now. Default from yesterday for a month. */
  readonly days?: readonly [from: number, to: number];
  /** Its extended key usages: `codeSigning`, `serverAuth`. Default the first; an empty list leaves the extension out. */
  readonly usages?: readonly string[];
}

/** PEM files; the leaf is for `release@example.com`. */
export interface ChainFiles {
  readonly key: string;
  readonly leaf: string;
  readonly intermediate: string;
  readonly root: string;
}

/** Asked one thing after the other; `close()` ends it. */
export class ModelSigning {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  #last: Promise<unknown> = Promise.resolve();
  #noise = '';

  constructor() {
    this.#child = spawn(python, [join(import.meta.dirname, 'model_signing_service.py')], { env: environment, stdio: 'pipe' });
    this.#child.stderr.on('data', (chunk) => {
      this.#noise = (this.#noise + String(chunk)).slice(-20_000);
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** `model_signing sign key|certificate`, with more options where a test wants them. */
  async sign(model: string, signature: string, signer: PythonSigner, ...options: readonly string[]): Promise<Told> {
    const { key, certificate, chain = [] } = signer;
    const method = certificate === undefined ? ['key'] : ['certificate', '--signing_certificate', certificate];
    const links = chain.flatMap((file) => ['--certificate_chain', file]);
    return await this.cli('sign', ...method, model, '--signature', signature, '--private_key', key, ...links, ...options);
  }

  /** `model_signing verify key|certificate|sigstore`. */
  async verify(model: string, signature: string, trust: PythonTrust, ...options: readonly string[]): Promise<Told> {
    return await this.cli('verify', ...trustOptions(trust), model, '--signature', signature, ...options);
  }

  /** A root, an intermediate and a leaf made by Python's library, in a new folder; the root signed the one, the one signed the other. */
  async makeChain(folder: string, curve: string, options: ChainOptions = {}): Promise<ChainFiles> {
    mkdirSync(folder, { recursive: true });
    await this.ask({ do: 'chain', folder, curve, ...options });
    const [key, leaf, intermediate, root] = ['leaf.pem', 'leaf.crt', 'intermediate.crt', 'root.crt'].map((name) =>
      join(folder, name),
    );
    return { key, leaf, intermediate, root };
  }

  async cli(...args: readonly string[]): Promise<Told> {
    const { code, output } = await this.ask({ do: 'cli', args });
    return { accepted: code === 0, text: String(output) };
  }

  /** An operation of model_signing_service.py that may be refused. */
  async attempt(request: Readonly<Record<string, unknown>>): Promise<Told> {
    try {
      await this.ask(request);
      return { accepted: true, text: '' };
    } catch (error) {
      return { accepted: false, text: error instanceof Error ? error.message : String(error) };
    }
  }

  /** An operation of model_signing_service.py that has to work. */
  async ask(request: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>> {
    const answer = this.#last.then(async () => await this.#exchange(request));
    this.#last = answer.catch(() => undefined);
    const { error, ...rest } = await answer;
    if (error !== undefined) throw new Error(String(error));
    return rest;
  }

  async #exchange(request: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error(`Python ended: ${this.#noise}`);
      if (value.startsWith('@')) return JSON.parse(value.slice(1));
      this.#noise = `${this.#noise}${value}\n`.slice(-20_000);
    }
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}

function trustOptions(trust: PythonTrust): string[] {
  if ('publicKey' in trust) return ['key', '--public_key', trust.publicKey];
  if ('roots' in trust) return ['certificate', ...trust.roots.flatMap((file) => ['--certificate_chain', file])];
  const { trustConfig, identity, issuer } = trust;
  return ['sigstore', '--trust_config', trustConfig, '--identity', identity, '--identity_provider', issuer];
}

/** The command as a person types it, in a process of its own; throws when it ends with another code than 0. */
export async function pythonCommand(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(python, ['-m', 'model_signing', ...args], { env: environment, timeout: 30_000 });
  return stdout;
}

/** What the tool's library brings of the public Sigstore: a trusted root, and where one would sign. No network. */
export function publicSigstore(): { readonly trustedRoot: string; readonly signingConfig: string } {
  const [lib] = readdirSync(join(venv, 'lib'));
  const store = join(venv, 'lib', lib, 'site-packages/sigstore/_store/https%3A%2F%2Ftuf-repo-cdn.sigstore.dev');
  const read = (name: string): string => readFileSync(join(store, name), 'utf8');
  return { trustedRoot: read('trusted_root.json'), signingConfig: read('signing_config.v0.2.json') };
}

/** The file of `--trust_config`; the tool wants to know where one would sign even when it only verifies. */
export function trustConfigOf(trustedRoot: string): string {
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json',
    trustedRoot: JSON.parse(trustedRoot),
    signingConfig: JSON.parse(publicSigstore().signingConfig),
  });
}
