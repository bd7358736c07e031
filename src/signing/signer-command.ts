// Lets a command sign: a key that lies in a KMS, in a PKCS#11 token or with cosign never comes into this process. The only file of signing
// that starts a process. It runs what the caller named, without a shell; no text of a model or a bundle ever becomes an argument.
import { spawn } from 'node:child_process';
import { verify } from 'node:crypto';
import { basename } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';
import { type PublicKey, readPublicKey } from '../provenance/signers/index.ts';
import { checkChain, derFromRaw, type EnvelopeSigner, keyOfCertificate } from './envelope/index.ts';

/** More than any signature in base64 needs; a command that writes more is not what was meant. */
const maxOutputBytes = 65_536;
const defaultTimeoutMs = 120_000;
/** Between the polite signal and the other one. */
const killAfterMs = 2_000;

export interface CommandSignerOptions {
  /** The program and its arguments, at least the program. */
  readonly command: readonly string[];
  /** PEM of the public key. Left out, it is the key of the first certificate. */
  readonly publicKey?: Buffer | undefined;
  /** DER, as for a key signer. */
  readonly certificates?: readonly Buffer[] | undefined;
  /** What the command finds in its environment besides AIRLOCK_HASH and AIRLOCK_CURVE. Default: PATH of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Default 120,000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * The command gets the pre-authentication encoding on its standard input and writes the signature on its standard output: DER or r and s
 * side by side, either of them as it is or in base64. Which it was is found out by the public key; nothing else is taken.
 * @throws USAGE without a command; KEY_INVALID when the public key or the certificates cannot be used. Its `sign` throws SIGNING_FAILED when
 * the command cannot be started, fails, takes too long, writes more than 64 KiB or no signature that fits the public key
 */
export function commandSigner({
  command,
  publicKey: pem,
  certificates = [],
  env,
  timeoutMs,
}: CommandSignerOptions): EnvelopeSigner {
  const [leaf] = certificates;
  if (command.length === 0) throw new AirlockError('USAGE', { message: 'There is no command to sign with' });
  if (pem === undefined && leaf === undefined)
    throw new AirlockError('KEY_INVALID', { message: 'A command that signs needs its public key or its certificate' });
  const publicKey = pem === undefined ? keyOfCertificate(leaf) : readPublicKey(pem);
  return {
    publicKey,
    certificates: leaf === undefined ? [] : checkChain(certificates, publicKey),
    async sign(preAuthEncoding) {
      const { hash, curve } = publicKey;
      const output = await runSigner(command, preAuthEncoding, {
        env: { ...(env ?? pathOnly()), AIRLOCK_HASH: hash, AIRLOCK_CURVE: curve },
        timeoutMs: timeoutMs ?? defaultTimeoutMs,
      });
      const signature = readings(output, publicKey).find((der) =>
        verify(hash, preAuthEncoding, { key: publicKey.key, dsaEncoding: 'der' }, der),
      );
      if (signature === undefined)
        throw failure(`The command wrote ${output.length} bytes, and they are no signature of this public key over its input`);
      return signature;
    },
  };
}

function pathOnly(): Record<string, string> {
  return process.env.PATH === undefined ? {} : { PATH: process.env.PATH };
}

/** What the output may mean, as DER. */
function readings(output: Buffer, { curve }: PublicKey): Buffer[] {
  const text = output.toString('latin1').trim();
  const decoded = Buffer.from(text, 'base64');
  // Buffer skips what is not base64, so that anything would decode to something. Tools break the text into lines.
  const isBase64 = text !== '' && decoded.toString('base64') === text.replaceAll(/\s/g, '');
  return [output, ...(isBase64 ? [decoded] : [])].flatMap((bytes) => {
    const der = derFromRaw(bytes, curve);
    return der === undefined ? [bytes] : [der, bytes];
  });
}

/** Runs the command to its end and gives what it wrote. */
function runSigner(
  [program, ...args]: readonly string[],
  input: Buffer,
  { env, timeoutMs }: { readonly env: Readonly<Record<string, string>>; readonly timeoutMs: number },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // It stays in our session: tools ask for a PIN on the terminal.
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'], shell: false });
    const output: Buffer[] = [];
    let outputBytes = 0;
    let complaint = '';
    let stopped: AirlockError | undefined;
    let killTimer: NodeJS.Timeout | undefined;
    const name = printable(basename(program), 200);
    const stop = (error: AirlockError) => {
      stopped ??= error;
      child.kill('SIGTERM');
      killTimer ??= setTimeout(() => child.kill('SIGKILL'), killAfterMs);
      // A grandchild may hold the pipes for as long as it likes.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer = setTimeout(() => stop(failure(`The command did not sign within ${timeoutMs / 1000} s`)), timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      outputBytes += chunk.length;
      if (outputBytes > maxOutputBytes) stop(failure(`The command wrote more than ${maxOutputBytes} bytes`));
      else output.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString('utf8')).slice(0, maxOutputBytes);
    });
    // A command that does not read its input to the end may still sign: one that was given a digest, for example.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const settle = (error: AirlockError | undefined) => {
      clearTimeout(timer);
      clearTimeout(killTimer);
      if (error === undefined) resolve(Buffer.concat(output));
      else reject(error);
    };
    child.once('error', (cause) => settle(failure(`The command ${name} cannot be started`, undefined, cause)));
    child.once('close', (code, signal) => {
      if (stopped !== undefined || code === 0) return settle(stopped);
      const how = code === null ? `ended by ${signal}` : `failed with exit code ${code}`;
      settle(failure(`The command ${name} ${how}`, firstLine(complaint)));
    });
  });
}

function firstLine(text: string): string | undefined {
  const line = text.split('\n').find((candidate) => candidate.trim() !== '');
  return line === undefined ? undefined : printable(line.trim(), 500);
}

function failure(message: string, detail?: string, cause?: unknown): AirlockError {
  return new AirlockError('SIGNING_FAILED', { message, ...(detail !== undefined && { detail }), cause });
}
